"""What ends a job, and how it is said: /opt/ml/output/failure becomes the job's FailureReason.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

import re


class UserError(Exception):
    """The user can put it right: data, hyperparameters, channels."""


class AlgorithmError(Exception):
    """xgboost could not go on, for a reason that we don't know."""


# What xgboost says of data that does not go with the objective. The public container tells these from failures of
# its own by these words (constants/xgb_constants.py).
BY_DATA = (
    "label must be in [0,1] for logistic regression",
    "label must be in [0, num_class)",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "Check failed: preds.size() == info.labels_.size()",
    "Check failed: !auc_error AUC: the dataset only contains pos or neg samples",
    "base_score must be in (0,1)",
    "label must be nonnegative",
    "Parameter reg_lambda should be greater equal to 0",
    "Number of columns does not match",
    "number of columns",
    "learner_model_param_.num_feature",
    "valid_labels",
)


def of_training(error: Exception) -> Exception:
    """An error of xgboost.train in the container's words."""
    text = str(error)
    # Below its first lines xgboost prints the C++ stack, which helps no user.
    said = re.sub(r"^\[[\d:]+\] \S+:\d+: ", "", text.partition("Stack trace")[0].strip())
    if any(known in text for known in BY_DATA):
        return UserError(said)
    return AlgorithmError("XGB train call failed with exception:\n " + said)
