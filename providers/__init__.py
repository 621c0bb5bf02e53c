"""Language models: what one is to us, OpenAI-compatible endpoints, what they are told."""
