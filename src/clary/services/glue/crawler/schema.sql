-- What crawlers did. Times are seconds since the epoch; documents are JSON. Each part is run once: add at the end.

-- version: 1

CREATE TABLE glue_crawl (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    crawler  TEXT NOT NULL,          -- its ARN
    name     TEXT NOT NULL,
    region   TEXT NOT NULL,
    state    TEXT NOT NULL,          -- RUNNING, STOPPING; at the end COMPLETED, FAILED, STOPPED
    started  REAL NOT NULL,
    ended    REAL,
    document BLOB NOT NULL,          -- how it ended: ErrorMessage, and the numbers of tables
    trigger  TEXT NOT NULL,          -- what started it, if that was a trigger
    workflow TEXT NOT NULL,          -- the name of the workflow that it is part of, and the run of that
    of       TEXT NOT NULL
);
CREATE INDEX glue_crawl_by_crawler ON glue_crawl (crawler, number);
CREATE INDEX glue_crawl_open ON glue_crawl (state) WHERE ended IS NULL;

CREATE INDEX glue_crawl_by_workflow ON glue_crawl (of) WHERE of <> '';

-- When crawlers with a schedule are due.
CREATE TABLE glue_crawler_due (
    arn TEXT PRIMARY KEY,
    at  REAL NOT NULL
) WITHOUT ROWID;
