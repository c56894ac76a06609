"""Amazon Elastic Container Registry, and the OCI distribution API by which images come and go."""

from clary.services.ecr.inside import Inside
from clary.services.ecr.service import BLOBS, build

__all__ = ["BLOBS", "Inside", "build"]
