"""A person's own ratings in files: exports of other services in, and out again."""
