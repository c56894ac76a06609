"""SageMaker's built-in XGBoost, as the public container does it in its algorithm mode.

Runs inside a container, on the Python and the xgboost of the image's tag (0.90 and newer), where the package `clary`
is not: see runtime/train.py for how it is loaded. hyperparameters.toml is for the other side, which checks the call.
https://github.com/aws/sagemaker-xgboost-container (src/sagemaker_xgboost_container/algorithm_mode)
"""
