"""What `python <door>.py` does; a door starts it under `__main__`, nothing imports it."""
