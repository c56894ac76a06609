-- The data of CloudWatch. Times are seconds since the epoch.

-- version: 1

CREATE TABLE metric (
    id         INTEGER PRIMARY KEY,
    region     TEXT NOT NULL,
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    dimensions TEXT NOT NULL,   -- JSON [[name, value]], in the order of names
    latest     REAL NOT NULL,   -- the time of its newest point
    UNIQUE (region, namespace, name, dimensions)
);

-- What was measured, summed up by seconds or minutes; later, as AWS does, by five minutes and hours: so a metric that
-- is put a thousand times a second takes one row a second for three hours, and one a minute from then on.
CREATE TABLE point (
    metric INTEGER NOT NULL REFERENCES metric (id) ON DELETE CASCADE,
    at     INTEGER NOT NULL,    -- where its period begins
    period INTEGER NOT NULL,    -- seconds: 1, 60, 300 or 3600
    unit   TEXT NOT NULL,
    count  REAL NOT NULL,
    total  REAL NOT NULL,
    low    REAL NOT NULL,
    high   REAL NOT NULL,
    spread BLOB,                -- pairs of a value and its count; NULL where low says it all, or nobody knows
    PRIMARY KEY (metric, at, period, unit)
) WITHOUT ROWID;
CREATE INDEX point_by_age ON point (period, at);

-- version: 2

CREATE TABLE alarm (
    region       TEXT NOT NULL,
    name         TEXT NOT NULL,
    document     BLOB NOT NULL,     -- JSON: the request that made it
    configured   REAL NOT NULL,     -- when that came
    state        TEXT NOT NULL,     -- OK, ALARM or INSUFFICIENT_DATA
    reason       TEXT NOT NULL,
    data         TEXT NOT NULL DEFAULT '',
    updated      REAL NOT NULL,     -- when the state was last said, changed or not
    transitioned REAL NOT NULL,     -- when it last changed
    PRIMARY KEY (region, name)
) WITHOUT ROWID;

-- What happened to alarms; it stays when they are deleted, for as long as AWS keeps it.
CREATE TABLE history (
    id      INTEGER PRIMARY KEY,
    region  TEXT NOT NULL,
    alarm   TEXT NOT NULL,
    kind    TEXT NOT NULL,          -- MetricAlarm, CompositeAlarm
    at      REAL NOT NULL,
    type    TEXT NOT NULL,          -- ConfigurationUpdate, StateUpdate
    summary TEXT NOT NULL,
    data    TEXT NOT NULL
);
CREATE INDEX history_by_alarm ON history (region, alarm, at);
CREATE INDEX history_by_age ON history (at);

CREATE TABLE dashboard (
    name     TEXT PRIMARY KEY,
    body     TEXT NOT NULL,
    modified REAL NOT NULL
) WITHOUT ROWID;
