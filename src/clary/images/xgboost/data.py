"""The data of a channel as xgboost's DMatrix.

CSV and libsvm are read by xgboost's own parser: what users of the public container get, with its rules (an empty field
is missing, not 0). Large CSV files to which no rule applies are read by pyarrow, in a third of the time (table.py). The
matrix is made before the instances find each other: afterwards xgboost would read only its rank's part of a file.
https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html#InputOutput-XGBoost
"""

from __future__ import annotations

import csv
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

from . import forms, parquet, recordio, table
from .failures import UserError
from .packages import VERSION, numpy, package, xgboost
from .say import say, warn

DEEPEST = 3  # folders below the channel that the public container still reads (data_utils.MAX_FOLDER_DEPTH)


def form(content_type: str | None) -> str:
    """csv, libsvm, parquet or recordio-protobuf. Raises UserError."""
    try:
        return forms.form(content_type or forms.USUAL)
    except ValueError as error:
        raise UserError(str(error)) from error


def files(channel: Path) -> list[Path]:
    """The channel's data files in the order of their names."""
    found = []
    for folder, folders, names in os.walk(channel, followlinks=True):
        if len(Path(folder).relative_to(channel).parts) >= DEEPEST and folders:
            warn(f"The depth of folder {channel} exceed the limit {DEEPEST}. Files in deeper sub dirs won't be loaded.")
            folders.clear()
        folders.sort()
        hidden = [name for name in names if name.startswith(".")]
        if hidden:
            raise UserError(f"Hidden file found in the data path! Remove that before training. ({hidden[0]})")
        found += [Path(folder, name) for name in sorted(names) if not name.startswith("_")]
    return [file for file in found if file.stat().st_size > 0]


def read(sources: list[Path], kind: str, weighted: bool, threads: int) -> Any:
    """The matrix of all the files, the first column being the label. Raises UserError."""
    try:
        if kind == "csv":
            matrix = _csv(sources, _delimiter(sources), weighted, threads)
        elif kind == "libsvm":
            for source in sources:
                _check_libsvm(source)
            matrix = _text(sources, "format=libsvm", False, threads)
        elif kind == "parquet":
            values = parquet.read(sources)
            matrix = _dense(values, threads, False)
        else:
            features, labels = recordio.read(sources)
            matrix = xgboost.DMatrix(features, label=labels, nthread=threads)
    except UserError:
        raise
    except Exception as error:
        said = str(error).partition("Stack trace")[0].strip()
        raise UserError(f"Failed to load {kind} data with exception:\n{said}") from error
    _check_labels(matrix)
    return matrix


def _csv(sources: list[Path], delimiter: str, weighted: bool, threads: int) -> Any:
    values = table.read(sources, delimiter, threads)
    if values is not None:
        return _dense(values, threads, weighted)
    if VERSION >= (0, 90):
        return _text(sources, f"format=csv&label_column=0&delimiter={delimiter}", weighted, threads)
    if delimiter == "," and not weighted:
        return _text(sources, "format=csv&label_column=0", False, threads)
    # The parser of 0.72 knows commas and labels only.
    pandas = package("pandas")
    frames = [pandas.read_csv(str(source), sep=delimiter, header=None, dtype=numpy.float32) for source in sources]
    values = pandas.concat(frames).to_numpy()
    weights = values[:, 1] if weighted else None
    return xgboost.DMatrix(values[:, 1 + weighted :], label=values[:, 0], weight=weights, nthread=threads)


def _text(sources: list[Path], form: str, weighted: bool, threads: int) -> Any:
    """Through links of plain names: `;`, `?` and `#` in a file's name mean something to xgboost."""
    uri = form + ("&weight_column=1" if weighted else "")
    with tempfile.TemporaryDirectory(prefix="xgboost-input-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that reading text files is deprecated
        links = []
        for number, source in enumerate(sources):
            links.append(f"{folder}/{number}")
            Path(links[-1]).symlink_to(source.resolve())
        return xgboost.DMatrix(";".join(links) + "?" + uri, nthread=threads)


def _dense(values: Any, threads: int, weighted: bool) -> Any:
    """Slices of one array are handed over as they lie: xgboost takes strides, so that no copy is made."""
    label = numpy.ascontiguousarray(values[:, 0])
    weight = numpy.ascontiguousarray(values[:, 1]) if weighted else None
    return xgboost.DMatrix(values[:, 1 + weighted :], label=label, weight=weight, nthread=threads)


def _delimiter(sources: list[Path]) -> str:
    """As the public container finds it: by the first line."""
    delimiter = ""
    for source in sources:
        with source.open(errors="ignore") as file:
            line = file.readline()
        try:
            found = csv.Sniffer().sniff(line).delimiter
        except csv.Error as error:
            raise UserError(f"Could not determine delimiter on line {line[:50]}:\n{error}") from error
        delimiter = delimiter or found
        for field in line.strip().split(found):
            if field.strip(" \"'") and not _is_number(field.strip()):
                raise UserError(
                    f"First line '{line[:50].strip()}...' of file '{source.name}' is not 'CSV' format: '{field[:50]}' "
                    "is not a number. Please ensure the file has no header line, its first column is the label, and "
                    "all of its values are numbers."
                )
    say(f"Determined delimiter of CSV input is '{delimiter}'")
    return delimiter


def check_columns(train: list[Path], validation: list[Path]) -> None:
    """CSV files that do not go together. xgboost would take columns that a file lacks for missing values."""
    widths = {}
    for source in [*train, *validation]:
        with source.open(errors="ignore") as file:
            line = file.readline()
        widths[source] = len(line.split(csv.Sniffer().sniff(line).delimiter))
    for source, width in widths.items():
        if width != widths[train[0]]:
            raise UserError(
                f"File '{source.name}' has {width} columns on its first line; '{train[0].name}' {widths[train[0]]}. "
                "Please give all files of train and validation the same columns, the label first."
            )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_libsvm(source: Path) -> None:
    """The first line that has features: `<label>[:<weight>] <index>:<value> ...`."""
    with source.open(errors="ignore") as file:
        for line in file:
            label, *features = line.split("#", 1)[0].split()[:50] or [""]
            right = all(_is_number(part) for part in label.split(":", 1)) if label else True
            right = right and all(
                feature.count(":") == 1 and all(_is_number(part) for part in feature.split(":"))
                for feature in features
                if not feature.startswith("qid:")
            )
            if not right:
                raise UserError(
                    f"First line '{line[:50].strip()}...' of file '{source.name}' is not 'LIBSVM' format. Please "
                    "ensure the file is in 'LIBSVM' format."
                )
            if features:
                return
    warn(f"File {source.name} is not an invalid LIBSVM file but has no features. Accepting simple validation.")


def _check_labels(matrix: Any) -> None:
    labels = matrix.get_label()
    if labels.size == 0:
        raise UserError(
            "Got input data without labels. Please check the input data set. If training job is running on multiple "
            "instances, please switch to using single instance if number of records in the data set is less than "
            "number of workers (16 * number of instance) in the cluster."
        )
    wrong = int(labels.size - numpy.count_nonzero(numpy.isfinite(labels)))
    if wrong:
        raise UserError(
            f"Label contains NaN, infinity or a value too large: {wrong} of {labels.size} rows. Please remove these "
            "rows, or give them a label: it is the first column."
        )
