-- What SageMaker's nouns keep beside their documents.

-- version: 1

-- Each endpoint as its controller has it: status, fleets, deployment (hosting/state.py).
CREATE TABLE hosting (
    arn      TEXT PRIMARY KEY,
    document BLOB NOT NULL           -- JSON
) WITHOUT ROWID;
