"""Fitting the recommender, choosing its parameters, and measuring it. None of it runs in the server."""
