-- version: 1
CREATE TABLE ecr_repository (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    created REAL NOT NULL,
    document TEXT NOT NULL,  -- JSON: what CreateRepository was told, less tags
    policy TEXT NOT NULL DEFAULT '',  -- as it was set
    lifecycle TEXT NOT NULL DEFAULT '',  -- the lifecycle policy, as it was put
    evaluated REAL NOT NULL DEFAULT 0,  -- when its rules last ran
    preview TEXT NOT NULL DEFAULT '',  -- the policy of the last preview
    UNIQUE (region, name)
);

CREATE TABLE ecr_image (
    repository INTEGER NOT NULL REFERENCES ecr_repository ON DELETE CASCADE,
    digest TEXT NOT NULL,
    media TEXT NOT NULL,  -- of the manifest
    artifact TEXT NOT NULL,  -- what it says it is: artifactType, or the media type of the config
    subject TEXT NOT NULL,  -- the digest that it refers to, or ''
    size INTEGER NOT NULL,  -- bytes of config and layers; of a list, 0
    pushed REAL NOT NULL,
    pulled REAL NOT NULL DEFAULT 0,
    manifest BLOB NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX ecr_image_subject ON ecr_image (repository, subject) WHERE subject != '';

CREATE TABLE ecr_tag (
    repository INTEGER NOT NULL,
    tag TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (repository, tag),
    FOREIGN KEY (repository, digest) REFERENCES ecr_image ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX ecr_tag_digest ON ecr_tag (repository, digest);

-- What a manifest names: layers and configs, or the images of a list.
CREATE TABLE ecr_use (
    repository INTEGER NOT NULL,
    used TEXT NOT NULL,
    image TEXT NOT NULL,
    PRIMARY KEY (repository, used, image),
    FOREIGN KEY (repository, image) REFERENCES ecr_image ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX ecr_use_image ON ecr_use (repository, image);

-- Several repositories may name one blob.
CREATE TABLE ecr_layer (
    repository INTEGER NOT NULL REFERENCES ecr_repository ON DELETE CASCADE,
    digest TEXT NOT NULL,
    blob INTEGER NOT NULL,
    size INTEGER NOT NULL,
    claimed REAL NOT NULL,  -- when somebody was told that it is here; 0 once a manifest has been put that names it
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX ecr_layer_digest ON ecr_layer (digest);
CREATE INDEX ecr_layer_blob ON ecr_layer (blob);
CREATE INDEX ecr_layer_claimed ON ecr_layer (claimed) WHERE claimed > 0;

CREATE TABLE ecr_upload (
    id TEXT PRIMARY KEY,
    repository INTEGER NOT NULL REFERENCES ecr_repository ON DELETE CASCADE,
    blob INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,  -- bytes that have come and count
    touched REAL NOT NULL
) WITHOUT ROWID;

-- What a registry, which is an account's in a region, is set to: JSON, or the text of its policy.
CREATE TABLE ecr_setting (
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (region, name)
) WITHOUT ROWID;
