"""Runs: from a message to the end of its answer, committed before it is sent."""
