"""Blueprints make workflows from Python, and are not there: https://docs.aws.amazon.com/glue/latest/dg/blueprints-overview.html."""

raise NotImplementedError("Clary's awsglue does not have blueprints: see docs/awsglue.md")
