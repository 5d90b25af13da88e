"""What the board costs, measured: the article's way and ours side by side, and the path of a tick from end to end."""
