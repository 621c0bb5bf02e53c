"""The movies: the catalogue's file, how it is searched, and its recommender beside it."""
