"""Amazon's scikit-learn, for scripts. Runs inside a container, on the Python of the image's tag (3.7 and newer)."""
