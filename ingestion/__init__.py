"""The sidecar: feeds bring data in, the runner applies them, the command line starts and steers both."""
