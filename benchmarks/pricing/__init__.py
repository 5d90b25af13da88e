"""The engines against each other and against their peers."""
