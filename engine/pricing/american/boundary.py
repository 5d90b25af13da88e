"""Where is the exercise boundary of an American put, and how does it move with volatility, rate and yield.

Source: Andersen, Lake and Offengenden, "High-performance American option pricing", Journal of Computational Finance
20(1), 2016 ("the paper"). Everything is in scaled units: strike 1 and life 1, so that what is left of a contract is
``vol`` = sigma sqrt(T), ``rate`` = r T and ``dividend_yield`` = q T, and times lie between 0 (maturity) and 1 (today).

The boundary B(tau) is kept as its log-distance h under the strike at the nodes, h^2 interpolated between them in
xi = sqrt(tau):

    ln B(tau) = -h(xi),   h(0) = max(0, ln(q / r)),   h(xi_1) ... h(xi_n) unknown

(The paper takes the distance under B(0+) = min(1, r / q), so that h(0) = 0. For q just above r that h stays low
for a while and then bends up, and polynomials through its square become negative; h under the strike is smooth, and so
are its derivatives where r = q.)

The equation at every node is the paper's fixed point system FP-A, that is smooth pasting:

    B(tau) = e^-(r-q)tau N / D                                                                     [FP-A]
    N = n(d-(tau, B)) / (vol sqrt tau) + r int_0^tau e^ru n(d-(tau-u, B(tau)/B(u))) / (vol sqrt(tau-u)) du
    D = n(d+(tau, B)) / (vol sqrt tau) + N(d+(tau, B))
        + q int_0^tau e^qu [ N(d+(tau-u, B(tau)/B(u))) + n(d+(tau-u, B(tau)/B(u))) / (vol sqrt(tau-u)) ] du
    d-+(t, z) = (ln z + (r-q) t) / (vol sqrt t) -+ vol sqrt t / 2

The paper iterates it as a fixed point, which diverges where |r-q| is large against vol^2 (hence its second form, FP-B).
Here it is solved by Newton's method on all nodes at once, with the whole Jacobian: it converges quadratically, in all
regimes, so one form is enough. And the Jacobian gives, by the implicit function theorem, the boundary's derivatives in
vol, rate and yield for one more back-substitution each, exactly, where bumped boundaries cost a solution each.
"""

import math

import numpy as np
from numba import njit

from engine.contracts import FloatArray
from engine.pricing.american.nodes import BOUNDARY_NODES, SOLVER_POINTS
from engine.pricing.normal import fast_cdf_pdf, fast_exp

MOST_STEPS = 16
"""Newton steps before the boundary counts as not found; four to six are usual."""
SMALL_STEP = 3e-5
"""Largest relative change of a step after which no other is needed: the next would be near its square (1e-9)."""
PARAMETERS = 3
"""Derivatives are kept in this order: vol, rate, dividend_yield (scaled)."""
SAMPLE_ROWS = 11
DEVIATION, DRIFT, RATE_GROWTH, YIELD_GROWTH, DISTANCE, D_MINUS, PDF_MINUS, CDF_PLUS, PDF_PLUS, BY_N, BY_D = range(11)
"""Rows of the samples: vol sqrt(t), (r-q) t, e^ru, e^qu, h, d-, n(d-), N(d+), n(d+), and what N and D of the equation
gain from one more of h there. Columns: the samples of one node after the other's."""
FASTMATH = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered into vector lanes; NaN and infinity keep their meaning, the gate in ``ranges`` needs them."""


@njit(nogil=True, cache=True, error_model="numpy")
def distance_at_maturity(rate: float, dividend_yield: float) -> tuple[float, float, float]:
    """h(0), where the limit of B is min(1, r / q), and its derivatives in rate and yield."""
    if dividend_yield <= rate:
        return 0.0, 0.0, 0.0
    return math.log(dividend_yield / rate), -1.0 / rate, 1.0 / dividend_yield


@njit(nogil=True, cache=True, error_model="numpy")
def first_guess(vol: float, rate: float, dividend_yield: float, node_root: FloatArray, h: FloatArray) -> None:
    """Fill ``h``: right at maturity, nearly right near it and for a perpetual option, within some 5 % in between.

    Near maturity: Evans, Kuske and Keller, "American options on assets with dividends near expiry", Mathematical
    Finance 12 (2002): h ~ vol sqrt(tau ln(vol^2 / (8 pi tau (r-q)^2))) for q < r,
    vol sqrt(2 tau ln(1 / (4 sqrt(pi) r tau))) for q = r, h(0) + 0.6388 vol sqrt(tau) for q > r. Perpetual:
    B = lambda / (lambda - 1), Merton (1973), with lambda the negative root of
    vol^2 / 2 lambda (lambda - 1) + (r-q) lambda - r = 0.
    """
    drift = rate - dividend_yield
    half = drift / (vol * vol) - 0.5
    root = math.sqrt(half * half + 2.0 * rate / (vol * vol))  # of two forms, the one without cancellation
    negative = -(half + root) if half >= 0.0 else -2.0 * rate / (vol * vol) / (root - half)
    h[0] = distance_at_maturity(rate, dividend_yield)[0]
    room = min(max(math.log1p(-1.0 / negative) - h[0], 1e-300), 700.0)
    for i in range(1, len(h)):
        xi = node_root[i]
        tau = xi * xi
        inverse = 8.0 * math.pi * tau * (drift / vol) ** 2 + 16.0 * math.pi * (rate * tau) ** 2
        # e^2 keeps the logarithm from vanishing late in a life, where the formula no longer holds
        above = max(vol * xi * math.sqrt(math.log(7.39 + 1.0 / inverse)) - h[0], 0.6388 * vol * xi)
        h[i] = h[0] + above / math.sqrt(1.0 + (above / room) ** 2)


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath=FASTMATH)
def prepare_samples(
    vol: float, rate: float, dividend_yield: float, node_root: FloatArray, root: FloatArray, samples: FloatArray
) -> None:
    """Fill the rows of ``samples`` that stay the same while the boundary is sought."""
    for i in range(BOUNDARY_NODES):
        for k in range(SOLVER_POINTS):
            m = i * SOLVER_POINTS + k
            samples[DEVIATION, m] = node_root[i + 1] * root[k]
            samples[RATE_GROWTH, m] = node_root[i + 1] ** 2 * (1.0 - root[k] ** 2)
    for m in range(samples.shape[1]):  # one loop over all, so that it becomes vector instructions
        root_time, u = samples[DEVIATION, m], samples[RATE_GROWTH, m]
        samples[DEVIATION, m] = vol * root_time
        samples[DRIFT, m] = (rate - dividend_yield) * root_time * root_time
        samples[RATE_GROWTH, m] = fast_exp(rate * u)
        samples[YIELD_GROWTH, m] = fast_exp(dividend_yield * u)


@njit(nogil=True, cache=True, error_model="numpy")
def least_square(h: FloatArray) -> float:
    """Lower bound of the interpolated h^2: the distance only grows from h(0), but polynomials may dip."""
    return float(max(h[0] * h[0], 1e-6 * h[1] * h[1]))


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath=FASTMATH)
def sample_normals(h: FloatArray, interpolation: FloatArray, samples: FloatArray) -> None:
    """Fill the other rows of ``samples`` from the nodes' h; plain loops, so that they become vector instructions."""
    count = samples.shape[1]
    for m in range(count):
        samples[DISTANCE, m] = 0.0
    for j in range(BOUNDARY_NODES + 1):
        squared = h[j] * h[j]
        for m in range(count):
            samples[DISTANCE, m] += squared * interpolation[j, m]
    least = least_square(h)
    for i in range(BOUNDARY_NODES):
        for k in range(SOLVER_POINTS):
            m = i * SOLVER_POINTS + k
            samples[DISTANCE, m] = math.sqrt(max(samples[DISTANCE, m], least))
            samples[D_MINUS, m] = samples[DISTANCE, m] - h[i + 1]
    for m in range(count):
        deviation = samples[DEVIATION, m]
        d_minus = (samples[D_MINUS, m] + samples[DRIFT, m]) / deviation - 0.5 * deviation
        samples[D_MINUS, m] = d_minus
        samples[PDF_MINUS, m] = fast_cdf_pdf(d_minus)[1]
    for m in range(count):
        cdf, pdf = fast_cdf_pdf(samples[D_MINUS, m] + samples[DEVIATION, m])
        samples[CDF_PLUS, m] = cdf
        samples[PDF_PLUS, m] = pdf


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath=FASTMATH)
def equations(
    vol: float,
    rate: float,
    dividend_yield: float,
    h: FloatArray,
    node_root: FloatArray,
    root: FloatArray,
    weight: FloatArray,
    interpolation: FloatArray,
    samples: FloatArray,
    system: FloatArray,
) -> None:
    """Fill ``system`` (n rows) with the Jacobian in h (n columns), minus the residual (1), minus the derivatives (3).

    The residual of node i is R = ln B + (r-q) tau - ln N + ln D, 0 where FP-A holds. Its derivatives: those in vol,
    rate and yield at constant h, but for h(0). One more of a node's h moves a sample's by interpolation
    h(node) / h(sample).
    """
    sample_normals(h, interpolation, samples)
    _, start_rate, start_yield = distance_at_maturity(rate, dividend_yield)
    drift = rate - dividend_yield
    for i in range(BOUNDARY_NODES):
        xi = node_root[i + 1]
        tau = xi * xi
        deviation = vol * xi
        # the terms outside the integrals
        z = (drift * tau - h[i + 1]) / deviation
        d_minus, d_plus = z - 0.5 * deviation, z + 0.5 * deviation
        pdf_minus = fast_cdf_pdf(d_minus)[1]
        cdf_plus, pdf_plus = fast_cdf_pdf(d_plus)
        n = pdf_minus / deviation
        n_z = -d_minus * n
        n_vol = n * (d_minus * d_plus - 1.0) / vol
        d = pdf_plus / deviation + cdf_plus
        d_z = pdf_plus * (1.0 - d_plus / deviation)
        d_vol = pdf_plus * ((d_plus * d_minus - 1.0) / deviation - d_minus) / vol
        # the integrals: with t = tau s^2, dt / (vol sqrt t) is slope ds, and dt is 2 tau s ds
        slope = 2.0 * xi / vol
        n_sum = n_sum_vol = n_sum_time = n_sum_drift = 0.0
        d_sum = d_sum_vol = d_sum_time = d_sum_drift = 0.0
        for k in range(SOLVER_POINTS):
            m = i * SOLVER_POINTS + k
            s = root[k]
            u = tau * (1.0 - s * s)
            step = samples[DEVIATION, m]
            a = samples[D_MINUS, m]
            b = a + step
            of_n = weight[k] * slope * samples[RATE_GROWTH, m] * samples[PDF_MINUS, m]
            growth = weight[k] * samples[YIELD_GROWTH, m]
            density = growth * slope * samples[PDF_PLUS, m]
            of_d = growth * 2.0 * tau * s * samples[CDF_PLUS, m] + density
            of_d_b = density * (step - b)  # derivative of of_d in b: 2 tau s is slope times step
            n_sum += of_n
            n_sum_time += of_n * u
            n_sum_vol += of_n * (a * b - 1.0)
            n_sum_drift += of_n * a * s
            d_sum += of_d
            d_sum_time += of_d * u
            d_sum_vol -= of_d_b * a + density
            d_sum_drift += of_d_b * s
            samples[BY_N, m] = -of_n * a / step
            samples[BY_D, m] = of_d_b / step
        to_drift = (
            xi / vol
        )  # what z gains for one more of rate and one less of yield; d- and d+ in the integrals, times s
        n += rate * n_sum
        n_vol += rate * n_sum_vol / vol
        n_rate = n_z * to_drift + n_sum + rate * (n_sum_time - to_drift * n_sum_drift)
        n_yield = -n_z * to_drift + rate * to_drift * n_sum_drift
        d += dividend_yield * d_sum
        d_vol += dividend_yield * d_sum_vol / vol
        d_rate = d_z * to_drift + dividend_yield * to_drift * d_sum_drift
        d_yield = -d_z * to_drift + d_sum + dividend_yield * (d_sum_time - to_drift * d_sum_drift)
        own = -1.0 + (n_z / n - d_z / d) / deviation
        n_share, d_share = rate / n, dividend_yield / d
        for k in range(SOLVER_POINTS):
            m = i * SOLVER_POINTS + k
            pull = d_share * samples[BY_D, m] - n_share * samples[BY_N, m]
            own -= pull
            samples[BY_D, m] = pull / samples[DISTANCE, m]
        by_start = 0.0
        for j in range(BOUNDARY_NODES + 1):
            moved = 0.0
            for k in range(SOLVER_POINTS):
                moved += samples[BY_D, i * SOLVER_POINTS + k] * interpolation[j, i * SOLVER_POINTS + k]
            if j == 0:
                by_start = moved * h[0]
            else:
                system[i, j - 1] = moved * h[j]
        system[i, i] += own
        column = BOUNDARY_NODES
        system[i, column] = h[i + 1] - drift * tau + math.log(n) - math.log(d)
        system[i, column + 1] = n_vol / n - d_vol / d
        system[i, column + 2] = n_rate / n - d_rate / d - tau - by_start * start_rate
        system[i, column + 3] = n_yield / n - d_yield / d + tau - by_start * start_yield


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath={"contract"})
def eliminate(system: FloatArray) -> None:
    """Gaussian elimination with row pivots: the columns right of the square part become the solutions."""
    columns = BOUNDARY_NODES + 1 + PARAMETERS
    for p in range(BOUNDARY_NODES):
        best = p
        for i in range(p + 1, BOUNDARY_NODES):
            if abs(system[i, p]) > abs(system[best, p]):
                best = i
        if best != p:
            for j in range(p, columns):
                system[p, j], system[best, j] = system[best, j], system[p, j]
        inverse = 1.0 / system[p, p]
        for i in range(p + 1, BOUNDARY_NODES):
            factor = system[i, p] * inverse
            for j in range(p + 1, columns):
                system[i, j] -= factor * system[p, j]
    for p in range(BOUNDARY_NODES - 1, -1, -1):
        inverse = 1.0 / system[p, p]
        for j in range(BOUNDARY_NODES, columns):
            system[p, j] *= inverse
        for i in range(p):
            for j in range(BOUNDARY_NODES, columns):
                system[i, j] -= system[i, p] * system[p, j]


@njit(nogil=True, cache=True, error_model="numpy")
def solve_boundary(
    vol: float,
    rate: float,
    dividend_yield: float,
    node_root: FloatArray,
    root: FloatArray,
    weight: FloatArray,
    interpolation: FloatArray,
    samples: FloatArray,
    system: FloatArray,
    h: FloatArray,
    h_slopes: FloatArray,
) -> float:
    """Fill h and its derivatives in vol, rate and yield (3 rows), at all n + 1 nodes; return the last step's largest
    relative change. Above ``SMALL_STEP``, or NaN, the boundary was not found.
    """
    first_guess(vol, rate, dividend_yield, node_root, h)
    prepare_samples(vol, rate, dividend_yield, node_root, root, samples)
    change = np.inf
    for _ in range(MOST_STEPS):
        equations(vol, rate, dividend_yield, h, node_root, root, weight, interpolation, samples, system)
        eliminate(system)
        change = 0.0
        for i in range(BOUNDARY_NODES):
            room = h[i + 1] - h[0]
            # a step over the limit at maturity goes most of the way only
            step = max(system[i, BOUNDARY_NODES], -0.8 * room)
            size = abs(step) / room
            if not size <= change:  # also when it is NaN
                change = size
            h[i + 1] += step
        if not change > SMALL_STEP:
            break
    _, h_slopes[1, 0], h_slopes[2, 0] = distance_at_maturity(rate, dividend_yield)
    h_slopes[0, 0] = 0.0
    for i in range(BOUNDARY_NODES):
        for m in range(PARAMETERS):
            h_slopes[m, i + 1] = system[i, BOUNDARY_NODES + 1 + m]
    return change
