"""Components of a page, and the files that the browser has of us."""
