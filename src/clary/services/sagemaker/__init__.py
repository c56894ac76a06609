from clary.services.sagemaker.service import Tools, build, recipes

__all__ = ["Tools", "build", "recipes"]
