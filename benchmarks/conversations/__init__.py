"""Conversations over ml-latest-small with outcomes that are computed from the CSV files; played by benchmarks.conversation."""
