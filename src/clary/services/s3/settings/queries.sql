-- Every configuration of one bucket.
-- name: of_bucket
SELECT family, id, document, modified FROM s3_setting WHERE bucket = ? ORDER BY family, id;

-- name: buckets_with
SELECT bucket FROM s3_setting WHERE family = ? AND document IS NOT NULL ORDER BY bucket;

-- name: put
INSERT INTO s3_setting (bucket, family, id, document, modified)
VALUES (:bucket, :family, :id, :document, :modified)
ON CONFLICT (bucket, family, id) DO UPDATE SET document = excluded.document, modified = excluded.modified;

-- name: delete_one
DELETE FROM s3_setting WHERE bucket = :bucket AND family = :family AND id = :id;

-- name: delete_all
DELETE FROM s3_setting WHERE bucket = ?;

-- The tables of objects are the objects' own (../schema.sql); these only read them.
-- name: tags_of_object
SELECT tags FROM object WHERE bucket = :bucket AND key = :key;

-- name: tags_of_version
SELECT tags FROM object WHERE bucket = :bucket AND key = :key AND version = :version
UNION ALL
SELECT tags FROM version WHERE bucket = :bucket AND key = :key AND version = :version LIMIT 1;
