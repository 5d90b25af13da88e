"""The live tables: what a viewer is sent of a board, a table a module."""
