"""Glue's machine-learning transforms, which are not there: they are named, and refused when they are called."""
