"""Clients of others, played by a script: `python -m tests.others.play`."""
