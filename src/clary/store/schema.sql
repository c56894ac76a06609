-- The state that every service shares. A service's own tables stand in its own schema.sql.
-- Each part below is run once, in order: to change something, add a part at the end.

-- version: 1

-- One row for each AWS resource: the request that made it, kept as it came.
CREATE TABLE resource (
    arn      TEXT PRIMARY KEY,
    service  TEXT NOT NULL,          -- botocore's name: sagemaker
    type     TEXT NOT NULL,          -- the noun: TrainingJob
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    name     TEXT NOT NULL,
    document BLOB NOT NULL,          -- JSON: members as AWS spells them
    created  REAL NOT NULL,          -- seconds since the epoch, as all times here
    modified REAL NOT NULL,
    UNIQUE (service, type, account, region, name)
) WITHOUT ROWID;
CREATE INDEX resource_by_created ON resource (service, type, account, region, created);

CREATE TABLE tag (
    arn   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) WITHOUT ROWID;

-- What runs, or ran, for a resource.
CREATE TABLE job (
    id       INTEGER PRIMARY KEY,
    arn      TEXT NOT NULL UNIQUE,
    recipe   TEXT NOT NULL,          -- which recipe prepares and finishes it: sagemaker.TrainingJob
    state    TEXT NOT NULL,
    attempt  INTEGER NOT NULL DEFAULT 0,
    stop     INTEGER NOT NULL DEFAULT 0,  -- somebody asked it to stop
    owner    TEXT,                   -- the worker that holds the lease
    lease    REAL,                   -- until when
    due      REAL NOT NULL,          -- not to be claimed before
    handle   BLOB                    -- JSON: what the compute driver needs to find it again
);
CREATE INDEX job_to_claim ON job (state, due);

-- Every change of state, written in the transaction that makes it.
CREATE TABLE event (
    id      INTEGER PRIMARY KEY,
    arn     TEXT NOT NULL,
    at      REAL NOT NULL,
    state   TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    detail  BLOB                     -- JSON
);
CREATE INDEX event_by_arn ON event (arn, id);

-- Small facts about this home, such as its account.
CREATE TABLE fact (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- version: 2

-- A job's id names its launches, so it is never given twice. What an attempt has to know after a restart is its memo.
CREATE TABLE job_2 (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    arn      TEXT NOT NULL UNIQUE,
    recipe   TEXT NOT NULL,          -- which recipe prepares and finishes it: sagemaker.TrainingJob
    state    TEXT NOT NULL,          -- jobs/states.py
    attempt  INTEGER NOT NULL DEFAULT 0,
    stop     INTEGER NOT NULL DEFAULT 0,  -- somebody asked it to stop
    owner    TEXT,                   -- the worker that holds the lease
    lease    REAL,                   -- until when
    due      REAL NOT NULL,          -- not to be claimed before
    handle   BLOB,                   -- JSON: what the compute driver needs to find it again
    memo     BLOB                    -- JSON: jobs/records.Memo
);
INSERT INTO job_2 (id, arn, recipe, state, attempt, stop, owner, lease, due, handle)
SELECT id, arn, recipe, state, attempt, stop, owner, lease, due, handle FROM job;
DROP TABLE job;
ALTER TABLE job_2 RENAME TO job;
CREATE INDEX job_by_state ON job (state, id);

-- version: 3

-- Where invocations go: what the data plane knows, a row for each endpoint and each replica (store/routes.py).
CREATE TABLE route (
    kind     TEXT NOT NULL,          -- route or replica
    key      TEXT NOT NULL,          -- the endpoint's ARN, or the number of the replica's job
    document BLOB NOT NULL,          -- JSON
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- version: 4

-- What became of a resource's job, in the resource's own row: lists filter by it and sort, and an index can have it
-- beside the time. Triggers keep it, so that it is never another than the job's.
ALTER TABLE job ADD COLUMN phase TEXT NOT NULL GENERATED ALWAYS AS (
    CASE WHEN state IN ('completed', 'failed', 'stopped') THEN state WHEN stop THEN 'stopping' ELSE 'inprogress' END
) VIRTUAL;
ALTER TABLE resource ADD COLUMN phase TEXT NOT NULL DEFAULT '';  -- the job's; '' where nothing runs
UPDATE resource SET phase = ifnull((SELECT job.phase FROM job WHERE job.arn = resource.arn), '');
CREATE INDEX resource_by_phase ON resource (service, type, account, region, phase, created);
CREATE INDEX resource_by_phase_name ON resource (service, type, account, region, phase, name, created);
CREATE TRIGGER job_added AFTER INSERT ON job BEGIN
    UPDATE resource SET phase = new.phase WHERE arn = new.arn;
END;
CREATE TRIGGER job_moved AFTER UPDATE OF state, stop ON job WHEN new.phase <> old.phase BEGIN
    UPDATE resource SET phase = new.phase WHERE arn = new.arn;
END;
