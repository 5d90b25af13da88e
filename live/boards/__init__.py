"""The board of a business date: its rows, groups and quotes, brought up to date by the change log."""
