"""The recommender's parts: arrays in, arrays out."""
