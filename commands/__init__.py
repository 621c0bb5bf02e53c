"""The commands `python <door>.py`: a door starts them under `__main__`, nothing imports them."""
