"""``python -m ingestion``: start the sidecar, load files, export, steer the replay, ask how it goes."""

from ingestion.command_line import app

if __name__ == "__main__":
    app(prog_name="python -m ingestion")
