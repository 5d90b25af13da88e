"""The live board: what changes in the store, pushed to the browsers that show it.

`wire` is the format of one message, `panels` mounts a panel in a page, and `assets` holds what runs in the browser.
"""
