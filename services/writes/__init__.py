"""Every way in: what changes the store in one transaction."""
