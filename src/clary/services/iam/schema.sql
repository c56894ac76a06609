-- Identities and what they may. Names are unique within their kind whatever their case, as in AWS.

-- version: 1

CREATE TABLE iam_entity (
    id       TEXT PRIMARY KEY,               -- AIDA… user, AROA… role, AGPA… group, ANPA… policy, AIPA… instance profile
    kind     TEXT NOT NULL,                  -- user, role, group, policy, instance-profile
    name     TEXT NOT NULL COLLATE NOCASE,
    path     TEXT NOT NULL,
    arn      TEXT NOT NULL UNIQUE,
    boundary TEXT,                           -- the ARN of the policy that is its permissions boundary
    document BLOB NOT NULL,                  -- JSON: the other members of the request that made it
    created  REAL NOT NULL,
    UNIQUE (kind, name)
) WITHOUT ROWID;

-- A user in a group, or a role in an instance profile.
CREATE TABLE iam_member (
    holder TEXT NOT NULL REFERENCES iam_entity ON DELETE CASCADE,
    member TEXT NOT NULL REFERENCES iam_entity ON DELETE CASCADE,
    PRIMARY KEY (holder, member)
) WITHOUT ROWID;
CREATE INDEX iam_member_by_member ON iam_member (member);

CREATE TABLE iam_inline (
    entity TEXT NOT NULL REFERENCES iam_entity ON DELETE CASCADE,
    name   TEXT NOT NULL,
    text   TEXT NOT NULL,                    -- the policy as it came
    PRIMARY KEY (entity, name)
) WITHOUT ROWID;

-- The policy may be one of AWS's, which has no row.
CREATE TABLE iam_attachment (
    entity TEXT NOT NULL REFERENCES iam_entity ON DELETE CASCADE,
    policy TEXT NOT NULL,                    -- its ARN
    PRIMARY KEY (entity, policy)
) WITHOUT ROWID;
CREATE INDEX iam_attachment_by_policy ON iam_attachment (policy);

CREATE TABLE iam_version (
    policy    TEXT NOT NULL REFERENCES iam_entity ON DELETE CASCADE,  -- its id
    number    INTEGER NOT NULL,              -- never used twice: the counter is in the policy's document
    text      TEXT NOT NULL,
    preferred INTEGER NOT NULL,              -- 1 for the default version
    created   REAL NOT NULL,
    PRIMARY KEY (policy, number)
) WITHOUT ROWID;

-- Secrets are not stored: they follow from the home's key and the id (credentials.py).
CREATE TABLE iam_key (
    id      TEXT PRIMARY KEY,
    entity  TEXT REFERENCES iam_entity ON DELETE CASCADE,             -- NULL: the account's root
    status  TEXT NOT NULL,                   -- Active, Inactive
    created REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX iam_key_by_entity ON iam_key (entity);

-- When an access key or a role was last used; up to a minute behind.
CREATE TABLE iam_used (
    subject TEXT PRIMARY KEY,                -- the key's id, or the role's
    at      REAL NOT NULL,
    service TEXT NOT NULL,
    region  TEXT NOT NULL
) WITHOUT ROWID;
