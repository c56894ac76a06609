"""The Data Catalog: which databases and tables there are, and what is known of them."""

from clary.services.glue.catalog import (
    database,
    function,
    partition,
    partition_index,
    search,
    setting,
    statistics,
    table,
    version,
)

MODULES = (database, table, version, partition, partition_index, statistics, function, search, setting)

__all__ = ["MODULES"]
