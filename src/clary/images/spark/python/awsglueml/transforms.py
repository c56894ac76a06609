"""https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-transforms-fillmissingvalues.html"""

from __future__ import annotations

from typing import Any


class _Refused:
    @classmethod
    def apply(cls, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"Clary's awsglueml does not have {cls.__name__}: see docs/awsglue.md")

    __call__ = apply


class FillMissingValues(_Refused):
    """Missing values, foretold."""


class FindMatches(_Refused):
    """Records that are about one thing."""


class FindIncrementalMatches(_Refused):
    """Likewise, for new records."""
