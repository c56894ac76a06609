-- Every configuration of one bucket.
-- name: of_bucket
SELECT family, id, document, modified FROM s3_setting WHERE bucket = ? ORDER BY family, id;

-- name: buckets_with
SELECT bucket FROM s3_setting WHERE family = ? AND document IS NOT NULL ORDER BY bucket;

-- name: bucket
SELECT 1 FROM bucket WHERE name = ?;

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

-- Current versions of a range of keys, none younger than the cutoff.
-- name: old_objects
SELECT key, size, modified, tags FROM object
WHERE bucket = :bucket AND key > :after AND key >= :prefix AND key < :end AND modified <= :cutoff ORDER BY key LIMIT :limit;

-- Delete markers that hide nothing any more.
-- name: lone_markers
SELECT key, version FROM version v
WHERE bucket = :bucket AND key >= :prefix AND key < :end AND etag = '' AND modified <= :cutoff
  AND NOT EXISTS (SELECT 1 FROM object o WHERE o.bucket = v.bucket AND o.key = v.key)
  AND NOT EXISTS (SELECT 1 FROM version w WHERE w.bucket = v.bucket AND w.key = v.key AND w.seq <> v.seq);

-- What is not current, with what is: `current` is when the key's present object came.
-- name: versions
SELECT v.key, v.version, v.size, v.modified, v.tags, o.modified AS current
FROM version v LEFT JOIN object o ON o.bucket = v.bucket AND o.key = v.key
WHERE v.bucket = :bucket AND v.key >= :prefix AND v.key < :end ORDER BY v.key, v.seq DESC;

-- name: old_uploads
SELECT key, id FROM upload
WHERE bucket = :bucket AND key >= :prefix AND key < :end AND initiated <= :cutoff;
