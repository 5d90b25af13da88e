"""The engines, one a module: contracts in, prices and greeks out."""
