"""Click logs to hashed features, in the scikit-learn image: by hand it would be

python preprocess.py --features 4096 --test-size 0.25 --seed 7
"""

import argparse
import glob

import pandas as pd
from sklearn.datasets import dump_svmlight_file
from sklearn.feature_extraction import FeatureHasher
from sklearn.model_selection import train_test_split

BASE = "/opt/ml/processing"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--features", type=int, default=1 << 18)
    parser.add_argument("--test-size", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--base", default=BASE)
    args = parser.parse_args()

    files = sorted(glob.glob(f"{args.base}/input/clicks/*.csv"))
    rows = pd.concat([pd.read_csv(file, dtype=str) for file in files], ignore_index=True)
    rows["hour"] = rows["hour"].str[-2:]  # of the day
    clicked = rows.pop("click").astype(int)
    del rows["id"]

    train, test, train_clicked, test_clicked = train_test_split(
        rows, clicked, test_size=args.test_size, random_state=args.seed
    )
    hasher = FeatureHasher(n_features=args.features)
    for name, part, labels in (("train", train, train_clicked), ("test", test, test_clicked)):
        columns = list(part.columns)
        hashed = hasher.transform(dict(zip(columns, row)) for row in part.itertuples(index=False, name=None))
        dump_svmlight_file(hashed, labels, f"{args.base}/output/{name}/{name}.svm")
        print(f"{name}: {hashed.shape[0]} rows, {hashed.nnz / hashed.shape[0]:.1f} features in each")


if __name__ == "__main__":
    main()
