"""Conversations with outcomes computed from the CSV files, and what plays and judges them: benchmarks.conversation."""
