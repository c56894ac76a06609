"""What runs inside containers. It cannot import the rest of Clary."""
