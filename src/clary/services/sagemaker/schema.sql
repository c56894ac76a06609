-- What SageMaker's nouns keep beside their documents.

-- version: 1

-- Each endpoint as its controller has it: status, fleets, deployment (hosting/state.py).
CREATE TABLE hosting (
    arn      TEXT PRIMARY KEY,
    document BLOB NOT NULL           -- JSON
) WITHOUT ROWID;

-- version: 2

-- Lineage is looked up by what artifacts are of, and from both ends of associations (lineage_job.py, lineage_query.py).
CREATE INDEX artifact_by_source ON resource (json_extract(CAST(document AS TEXT), '$.Source.SourceUri'))
WHERE type = 'Artifact';
CREATE INDEX association_by_source ON resource (json_extract(CAST(document AS TEXT), '$.SourceArn'))
WHERE type = 'Association';
CREATE INDEX association_by_destination ON resource (json_extract(CAST(document AS TEXT), '$.DestinationArn'))
WHERE type = 'Association';

-- The metrics of trial components: each value, and what they come to (component_metric.py).
CREATE TABLE component_value (
    arn    TEXT NOT NULL,            -- the component's
    metric TEXT NOT NULL,
    at     REAL NOT NULL,
    step   INTEGER,
    value  REAL NOT NULL
);
CREATE INDEX component_value_by_metric ON component_value (arn, metric, at);
CREATE TABLE component_metric (
    arn      TEXT NOT NULL,
    metric   TEXT NOT NULL,
    source   TEXT NOT NULL,          -- the ARN of what measured: the job, or the component itself
    count    INTEGER NOT NULL,
    least    REAL NOT NULL,
    most     REAL NOT NULL,
    mean     REAL NOT NULL,
    squares  REAL NOT NULL,          -- the sum of the squares of what each value is from the mean
    last     REAL NOT NULL,
    at       REAL NOT NULL,          -- of the last
    PRIMARY KEY (arn, metric, source)
) WITHOUT ROWID;
