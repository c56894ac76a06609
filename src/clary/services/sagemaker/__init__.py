from clary.services.sagemaker.service import build

__all__ = ["build"]
