"""The content types of data, as the public container takes them (data_utils.py)."""

from __future__ import annotations

FORMS = {
    "csv": "csv",
    "text/csv": "csv",
    "libsvm": "libsvm",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "parquet": "parquet",
    "application/x-parquet": "parquet",
    "recordio-protobuf": "recordio-protobuf",
    "application/x-recordio-protobuf": "recordio-protobuf",
}
USUAL = "text/libsvm"  # where nothing is said


def form(content_type: str) -> str:
    """csv, libsvm, parquet or recordio-protobuf. Raises ValueError in the container's words."""
    kind, *options = [part.strip() for part in content_type.lower().split(";")]
    if kind not in FORMS:
        raise ValueError(f"{content_type} is not an accepted ContentType: {', '.join(FORMS)}.")
    for option in options:
        key, _, value = option.partition("=")
        if FORMS[kind] == "csv" and key.strip() == "label_size" and value.strip(" \"'") != "1":
            rule = "Optional parameter label_size must be equal to 1"
            raise ValueError(f"{content_type} is not an accepted csv ContentType. {rule}")
    return FORMS[kind]
