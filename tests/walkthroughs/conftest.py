"""The clients' fixtures: a program outside, brought here by `clary env`."""

from clients.conftest import outside, way

__all__ = ["outside", "way"]
