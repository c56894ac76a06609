-- What Glue keeps beside the shared table `resource`, which has jobs, their runs, triggers, workflows and connections.
-- Times are seconds since the epoch; documents are JSON. Each part is run once: add a part at the end.

-- version: 1

-- The runs of each job, in the order in which they were started.
CREATE TABLE glue_run (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    job      TEXT NOT NULL,
    run      TEXT NOT NULL,          -- jr_<64 hex digits>
    arn      TEXT NOT NULL UNIQUE,   -- of its row in `resource`, and of its job of the engine
    workflow TEXT NOT NULL DEFAULT '',  -- the run of a workflow that it is part of: wr_<64 hex digits>
    trigger  TEXT NOT NULL DEFAULT '',  -- what started it
    settled  INTEGER NOT NULL DEFAULT 0,  -- whether what follows from its end was done (conductor.py)
    UNIQUE (account, region, job, run)
);
CREATE INDEX glue_run_by_job ON glue_run (account, region, job, number);
CREATE INDEX glue_run_by_workflow ON glue_run (workflow, number) WHERE workflow <> '';
CREATE INDEX glue_run_unsettled ON glue_run (number) WHERE settled = 0;

-- What each run has read, for the runs that follow it.
CREATE TABLE glue_bookmark (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    job      TEXT NOT NULL,
    run      TEXT NOT NULL,
    document BLOB NOT NULL           -- a JobBookmarkEntry
);
CREATE INDEX glue_bookmark_by_job ON glue_bookmark (account, region, job, number);

-- When triggers with a schedule are due.
CREATE TABLE glue_due (
    arn TEXT PRIMARY KEY,            -- the trigger's
    at  REAL NOT NULL
) WITHOUT ROWID;

-- Which conditions of a trigger are met since it last fired, and by which run.
CREATE TABLE glue_met (
    arn      TEXT NOT NULL,          -- the trigger's
    workflow TEXT NOT NULL,          -- the run of a workflow, or ''
    number   INTEGER NOT NULL,       -- of the condition, from 0
    job      TEXT NOT NULL,
    run      TEXT NOT NULL,
    PRIMARY KEY (arn, workflow, number)
) WITHOUT ROWID;
