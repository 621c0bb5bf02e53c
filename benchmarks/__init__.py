"""Measurements beside the tests: the service against what a user would pick instead, and against its own load."""
