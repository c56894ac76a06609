"""The log is what is printed: line by line as it comes, and Python's logging as the public containers set it up.
https://github.com/aws/sagemaker-containers/blob/master/src/sagemaker_containers/_logging.py
"""

import logging
import os
import sys


def begin() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # they are what Python opened
    level = os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "20")
    logging.basicConfig(
        format="%(asctime)s %(levelname)s - %(name)s - %(message)s",
        level=int(level) if level.isdigit() else logging.INFO,
        stream=sys.stdout,
    )
    for name in ("boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
