from clary.services.sagemaker_metrics.service import build

__all__ = ["build"]
