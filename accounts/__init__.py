"""Passwords, tokens and API keys, and the account that they stand for."""
