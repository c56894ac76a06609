-- The Data Catalog's tables and what belongs to them; databases are in the shared table `resource`.
-- Names are in lower case; times are seconds since the epoch; documents are JSON. Each part is run once: add at the end.

-- version: 1

CREATE TABLE glue_table (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: what belongs to a table goes with it
    region   TEXT NOT NULL,
    database TEXT NOT NULL,
    name     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    next     INTEGER NOT NULL,       -- the version that the next change makes
    document BLOB NOT NULL,          -- a TableInput
    created  REAL NOT NULL,
    modified REAL NOT NULL,
    creator  TEXT NOT NULL,          -- an ARN
    UNIQUE (region, database, name)
);

-- The versions before the one that holds.
CREATE TABLE glue_table_version (
    id       INTEGER NOT NULL REFERENCES glue_table ON DELETE CASCADE,
    version  INTEGER NOT NULL,
    document BLOB NOT NULL,
    modified REAL NOT NULL,
    PRIMARY KEY (id, version)
) WITHOUT ROWID;

CREATE TABLE glue_partition (
    id       INTEGER NOT NULL REFERENCES glue_table ON DELETE CASCADE,
    "values" TEXT NOT NULL,          -- a JSON array
    document BLOB NOT NULL,          -- a PartitionInput
    created  REAL NOT NULL,
    PRIMARY KEY (id, "values")
) WITHOUT ROWID;

CREATE TABLE glue_partition_index (
    id   INTEGER NOT NULL REFERENCES glue_table ON DELETE CASCADE,
    name TEXT NOT NULL,
    keys BLOB NOT NULL,              -- a JSON array
    PRIMARY KEY (id, name)
) WITHOUT ROWID;

CREATE TABLE glue_column_statistics (
    id       INTEGER NOT NULL REFERENCES glue_table ON DELETE CASCADE,
    "values" TEXT NOT NULL,          -- of the partition, a JSON array; '' for the table's own
    name     TEXT NOT NULL,          -- the column's
    document BLOB NOT NULL,          -- a ColumnStatistics
    PRIMARY KEY (id, "values", name)
) WITHOUT ROWID;

CREATE TABLE glue_function (
    region   TEXT NOT NULL,
    database TEXT NOT NULL,
    name     TEXT NOT NULL,
    document BLOB NOT NULL,          -- a UserDefinedFunctionInput
    created  REAL NOT NULL,
    PRIMARY KEY (region, database, name)
) WITHOUT ROWID;

-- The catalog's own: resource policy, encryption settings.
CREATE TABLE glue_setting (
    region   TEXT NOT NULL,
    name     TEXT NOT NULL,
    document BLOB NOT NULL,
    created  REAL NOT NULL,
    modified REAL NOT NULL,
    PRIMARY KEY (region, name)
) WITHOUT ROWID;
