"""HTTP: what every request passes, and a module a group of routes."""
