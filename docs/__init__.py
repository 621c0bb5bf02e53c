"""Documents, and what makes their drawings."""
