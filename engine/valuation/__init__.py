"""An underlying with its trades, ready to be priced at any spot; what changes it, and the path of a day."""
