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
