"""Who asks: passwords, tokens and API keys, and the account that they stand for."""
