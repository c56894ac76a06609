"""A logistic model of the hashed features: a script of the scikit-learn image for training."""

import argparse
import os

import joblib
from sklearn.datasets import load_svmlight_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--features", type=int)
    parser.add_argument("--C", type=float, default=0.1)
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--test", default=os.environ.get("SM_CHANNEL_TEST"))
    args = parser.parse_args()

    hashed, clicked = load_svmlight_file(f"{args.train}/train.svm", n_features=args.features, zero_based=True)
    model = LogisticRegression(C=args.C, solver="liblinear").fit(hashed, clicked)

    hashed, clicked = load_svmlight_file(f"{args.test}/test.svm", n_features=args.features, zero_based=True)
    chances = model.predict_proba(hashed)[:, 1]
    print(f"test-auc={roc_auc_score(clicked, chances):.4f};")
    print(f"test-logloss={log_loss(clicked, chances):.4f};")
    joblib.dump(model, f"{args.model_dir}/model.joblib")


if __name__ == "__main__":
    main()
