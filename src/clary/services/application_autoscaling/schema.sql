-- What Application Auto Scaling keeps. Times are seconds since the epoch; documents are JSON.

-- version: 1

CREATE TABLE scaling_target (
    region    TEXT NOT NULL,
    resource  TEXT NOT NULL,         -- endpoint/<name>/variant/<name>
    dimension TEXT NOT NULL,         -- sagemaker:variant:DesiredInstanceCount
    arn       TEXT NOT NULL UNIQUE,
    document  BLOB NOT NULL,         -- MinCapacity, MaxCapacity, SuspendedState
    memory    BLOB NOT NULL,         -- the cooldowns that go on (scaler.py)
    created   REAL NOT NULL,
    PRIMARY KEY (region, resource, dimension)
) WITHOUT ROWID;

CREATE TABLE scaling_policy (
    region    TEXT NOT NULL,
    resource  TEXT NOT NULL,
    dimension TEXT NOT NULL,
    name      TEXT NOT NULL,
    arn       TEXT NOT NULL UNIQUE,
    document  BLOB NOT NULL,         -- the request that made it, and Alarms where it has its own
    created   REAL NOT NULL,
    PRIMARY KEY (region, resource, dimension, name),
    FOREIGN KEY (region, resource, dimension) REFERENCES scaling_target ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE scheduled_action (
    region    TEXT NOT NULL,
    resource  TEXT NOT NULL,
    dimension TEXT NOT NULL,
    name      TEXT NOT NULL,
    arn       TEXT NOT NULL UNIQUE,
    document  BLOB NOT NULL,         -- the request that made it
    created   REAL NOT NULL,
    due       REAL,                  -- NULL: never again
    PRIMARY KEY (region, resource, dimension, name),
    FOREIGN KEY (region, resource, dimension) REFERENCES scaling_target ON DELETE CASCADE
) WITHOUT ROWID;

-- What was done; it stays when the target is gone, for as long as AWS keeps it.
CREATE TABLE scaling_activity (
    id        INTEGER PRIMARY KEY,
    region    TEXT NOT NULL,
    resource  TEXT NOT NULL,
    dimension TEXT NOT NULL,
    at        REAL NOT NULL,
    ended     REAL,                  -- NULL while it goes on
    status    TEXT NOT NULL,         -- InProgress, Successful, Failed
    document  BLOB NOT NULL          -- ActivityId, Description, Cause, StatusMessage
);
CREATE INDEX activity_by_resource ON scaling_activity (region, resource, id);
