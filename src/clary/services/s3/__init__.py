"""Amazon S3."""

from clary.services.s3.service import build

__all__ = ["build"]
