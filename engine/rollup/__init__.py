"""The roll-up: measures of leaves, summed over the nodes of a hierarchy as far as they may be summed."""
