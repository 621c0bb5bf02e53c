"""The wire formats of others, each a fold over the events of a run."""
