"""The HTTP routes that bring rows in: who may, what a body may be, what is answered, and the pages that say so."""
