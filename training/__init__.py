"""Choosing the recommender's parameters, and measuring it. None of it runs in the server."""
