"""The hub that follows the change log, and the websocket and routes of the web server."""
