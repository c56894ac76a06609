-- The data of S3. Times are seconds since the epoch; TEXT compares by its UTF-8 bytes, which is S3's order of keys.

-- version: 1

CREATE TABLE bucket (
    name       TEXT PRIMARY KEY,
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    created    REAL NOT NULL,
    versioning TEXT NOT NULL DEFAULT ''     -- '', Enabled or Suspended
) WITHOUT ROWID;

-- What a key shows now: one row for each object that a listing without versions sees.
CREATE TABLE object (
    bucket   TEXT NOT NULL,
    key      TEXT NOT NULL,
    seq      INTEGER NOT NULL,              -- rises with each write: the order of a key's versions
    version  TEXT NOT NULL,                 -- the version id; '' is the null version
    blob     INTEGER NOT NULL,              -- blobs.py; 0 where the object is empty
    size     INTEGER NOT NULL,              -- bytes
    etag     TEXT NOT NULL,                 -- without its quotes
    modified REAL NOT NULL,
    head     BLOB NOT NULL,                 -- JSON, head.py: headers, metadata, checksums
    tags     TEXT,                          -- JSON {key: value}, NULL where there are none
    parts    BLOB,                          -- JSON [[number, size, checksum]], NULL where it was put in one piece
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;

-- What a key showed before, and its delete markers, the latest one too: a key whose latest is a delete marker has no
-- row in `object`.
CREATE TABLE version (
    bucket   TEXT NOT NULL,
    key      TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    version  TEXT NOT NULL,
    blob     INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    etag     TEXT NOT NULL,                 -- '' marks a delete marker
    modified REAL NOT NULL,                 -- when it was written, not when it ceased to be current
    head     BLOB NOT NULL,
    tags     TEXT,
    parts    BLOB,
    PRIMARY KEY (bucket, key, seq DESC)
) WITHOUT ROWID;
CREATE INDEX version_null ON version (bucket, key) WHERE version = '';

-- A multipart upload that is neither complete nor aborted.
CREATE TABLE upload (
    bucket    TEXT NOT NULL,
    key       TEXT NOT NULL,
    id        TEXT NOT NULL,                -- begins with its time: ids sort as they were initiated
    initiated REAL NOT NULL,
    initiator TEXT NOT NULL,                -- an ARN
    head      BLOB NOT NULL,
    tags      TEXT,
    blob      INTEGER NOT NULL DEFAULT 0,   -- where the parts of the usual size lie in place
    part_size INTEGER NOT NULL DEFAULT 0,   -- that size
    PRIMARY KEY (bucket, key, id)
) WITHOUT ROWID;

CREATE TABLE part (
    upload   TEXT NOT NULL,
    number   INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    etag     TEXT NOT NULL,
    modified REAL NOT NULL,
    blob     INTEGER NOT NULL,              -- 0 where the part is empty
    offset   INTEGER NOT NULL,              -- where it begins in that blob
    checksum TEXT,                          -- base64, of the upload's algorithm
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;

-- Uploads that are done, for a while: a repeated CompleteMultipartUpload gets the same answer.
CREATE TABLE completed (
    upload TEXT PRIMARY KEY,
    at     REAL NOT NULL,
    bucket TEXT NOT NULL,
    key    TEXT NOT NULL,
    result BLOB NOT NULL                    -- JSON
) WITHOUT ROWID;
CREATE INDEX completed_by_time ON completed (at);
