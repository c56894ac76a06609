-- version: 1

-- One row for each configuration that somebody gave a bucket, or took from it.
CREATE TABLE s3_setting (
    bucket   TEXT NOT NULL,
    family   TEXT NOT NULL,            -- as the request's query spells it: cors, lifecycle, policy
    id       TEXT NOT NULL,            -- of one among several (inventory, metrics); else empty
    document BLOB,                     -- JSON as it came; NULL: taken away, so AWS's default for new buckets is gone too
    modified REAL NOT NULL,
    PRIMARY KEY (bucket, family, id)
) WITHOUT ROWID;
