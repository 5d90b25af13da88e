"""What stands before Streamlit: checks, gate, headers, preload."""
