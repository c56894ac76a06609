"""Spark, for Glue and SageMaker Processing. Runs inside a container, on Python 3.11 alone."""
