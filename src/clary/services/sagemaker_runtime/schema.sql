-- Asynchronous invocations.

-- version: 1

-- Those that are not done yet, in the order in which they came (waiting.py).
CREATE TABLE invocation (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL,              -- ARN
    document BLOB NOT NULL,              -- JSON: waiting.Invocation
    created  REAL NOT NULL,
    begun    REAL,                       -- when it was last given to a replica
    lost     INTEGER NOT NULL DEFAULT 0  -- how many replicas ended while they had it
);
CREATE INDEX invocation_by_endpoint ON invocation (endpoint, id);
