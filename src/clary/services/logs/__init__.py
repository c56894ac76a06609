"""Amazon CloudWatch Logs: what programs say, kept by group and stream, and searched."""

from clary.services.logs.service import build

__all__ = ["build"]
