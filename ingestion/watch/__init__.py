"""The feed of watched files and folders."""
