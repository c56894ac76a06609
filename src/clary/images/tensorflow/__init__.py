"""Amazon's TensorFlow, for scripts. Runs inside a container, on the Python of the image's tag (3.11 and newer)."""
