"""What AWS's library does and this one doesn't says so, by name."""

from __future__ import annotations

_JDBC = {"mysql", "postgresql", "redshift", "sqlserver", "oracle", "jdbc", "custom.jdbc", "marketplace.jdbc"}


def refuse(what: str) -> NotImplementedError:
    return NotImplementedError(f"Clary's awsglue does not have {what}: see docs/awsglue.md")


def refuse_connection(connection_type: str, known: set[str]) -> None:
    """Unless it is known."""
    if connection_type in known:
        return
    if connection_type in _JDBC:
        raise refuse(f"connections of type {connection_type}; spark.read.format('jdbc') with --extra-jars does")
    raise refuse(f"connections of type {connection_type}")
