"""The live engine of American options. To read beside the paper, in this order:

nodes -> boundary -> premium -> european -> over_spot -> ranges -> terms -> greeks -> engine
"""
