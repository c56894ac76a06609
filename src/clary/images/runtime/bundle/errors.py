"""What is wrong with a bundle, in words that name the file."""


class BundleError(ValueError):
    """Raised for what is no bundle of MLeap's, or cannot be written as one."""
