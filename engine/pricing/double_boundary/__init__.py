"""American options that are exercised between two boundaries: negative rates, and a yield below them.

Source: Andersen and Lake, "Fast American option pricing: the double-boundary case", Wilmott, 2021.
"""
