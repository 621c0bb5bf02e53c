"""The functions that the model may call, and what reads and answers its calls."""
