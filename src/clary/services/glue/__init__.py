"""Glue: jobs that run on Spark or plain Python, what starts them, and the Data Catalog."""

from clary.services.glue.service import build, recipes

__all__ = ["build", "recipes"]
