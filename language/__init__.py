"""Sentences as they are typed: clauses, conditions, stances, stars and figures, and the intent of each."""
