"""Crawlers: what lies in S3 becomes tables of the Data Catalog."""

from clary.services.glue.crawler import classifier, crawler, running

MODULES = (classifier, crawler, running)

__all__ = ["MODULES"]
