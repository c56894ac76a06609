from clary.services.sagemaker_runtime.service import build

__all__ = ["build"]
