"""The demo files and the script that makes them: python -m data.make_demo. See README.md."""
