"""Trade statuses and the tagging of trades."""
