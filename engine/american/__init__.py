"""The live engine of American options. To read beside the paper, in this order:

nodes -> boundary -> premium -> near_boundary -> greeks -> ranges -> engine
"""
