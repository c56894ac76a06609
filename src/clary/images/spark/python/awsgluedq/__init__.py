"""Glue's data quality, which is not there: it is named, and refused when it is called."""
