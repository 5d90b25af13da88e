"""The commands of ``python -m ingestion``: each reads its arguments, calls one service, and says what came of it.

What only some commands need is imported where they need it: asking for help must not wait for the pricing engines.
"""
