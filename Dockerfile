# Deltaboard: one image for the sidecars and the web server. docker-compose.yml says who runs what.
FROM python:3.11.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONUTF8=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home deltaboard && install -d -o deltaboard /srv/deltaboard
WORKDIR /srv/deltaboard

# The packages first: they change less often than the code.
COPY requirements.txt requirements.lock ./
RUN pip install -r requirements.txt

COPY --chown=deltaboard . .
USER deltaboard

# What numba compiles is kept beside the code, so that the first tick need not wait for it.
RUN python -c "from engine.pricing.warm_up import warm_up; warm_up()"

CMD ["python", "-m", "ingestion", "status"]
