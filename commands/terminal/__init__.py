"""The chat in a terminal: what it shows, what it is told, and a server of its own where there is none."""
