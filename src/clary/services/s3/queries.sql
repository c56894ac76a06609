-- name: buckets
SELECT * FROM bucket WHERE account = :account AND name > :after AND name >= :prefix ORDER BY name LIMIT :limit;

-- name: bucket_add
INSERT INTO bucket (name, account, region, created) VALUES (?, ?, ?, ?);

-- name: bucket_delete
DELETE FROM bucket WHERE name = ?;

-- name: bucket_versioning
UPDATE bucket SET versioning = ? WHERE name = ?;

-- name: bucket_full
SELECT EXISTS (SELECT 1 FROM object WHERE bucket = :bucket) AS objects,
       EXISTS (SELECT 1 FROM version WHERE bucket = :bucket) AS versions;

-- What a GET needs; the only statement on its way.
-- name: object
SELECT seq, version, blob, size, etag, modified, head, tags FROM object WHERE bucket = ? AND key = ?;

-- What a write must know of what it replaces. No row: no bucket.
-- name: before
SELECT b.versioning, o.seq, o.version, o.blob, o.etag, o.size, o.modified
FROM bucket b LEFT JOIN object o ON o.bucket = b.name AND o.key = ?2 WHERE b.name = ?1;

-- name: put
INSERT OR REPLACE INTO object (bucket, key, seq, version, blob, size, etag, modified, head, tags, parts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: object_delete
DELETE FROM object WHERE bucket = ? AND key = ? RETURNING seq, version, blob;

-- The current one becomes a version among others.
-- name: retire
INSERT INTO version SELECT * FROM object WHERE bucket = ? AND key = ?;

-- The latest of the others becomes the current one.
-- name: promote
INSERT INTO object SELECT * FROM version WHERE bucket = ? AND key = ? AND seq = ?;

-- name: latest
SELECT seq, version, blob, size, etag, modified, head, tags FROM version
WHERE bucket = ? AND key = ? ORDER BY seq DESC LIMIT 1;

-- name: version
SELECT seq, version, blob, size, etag, modified, head, tags FROM version WHERE bucket = ? AND key = ? AND seq = ?;

-- name: version_null
SELECT seq, version, blob, size, etag, modified, head, tags FROM version
WHERE bucket = ? AND key = ? AND version = '';

-- name: version_delete
DELETE FROM version WHERE bucket = ? AND key = ? AND seq = ? RETURNING blob, etag;

-- name: marker
INSERT INTO version (bucket, key, seq, version, blob, size, etag, modified, head)
VALUES (?, ?, ?, ?, 0, 0, '', ?, '{}');

-- name: object_parts
SELECT parts FROM object WHERE bucket = ?1 AND key = ?2 AND seq = ?3
UNION ALL SELECT parts FROM version WHERE bucket = ?1 AND key = ?2 AND seq = ?3;

-- name: object_tags
UPDATE object SET tags = ?4 WHERE bucket = ?1 AND key = ?2 AND seq = ?3;

-- name: version_tags
UPDATE version SET tags = ?4 WHERE bucket = ?1 AND key = ?2 AND seq = ?3;

-- name: upload_add
INSERT INTO upload (bucket, key, id, initiated, initiator, head, tags) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: upload
SELECT * FROM upload WHERE bucket = ? AND key = ? AND id = ?;

-- name: upload_place
UPDATE upload SET blob = ?4, part_size = ?5 WHERE bucket = ?1 AND key = ?2 AND id = ?3;

-- name: upload_delete
DELETE FROM upload WHERE bucket = ? AND key = ? AND id = ? RETURNING blob;

-- name: uploads_delete
DELETE FROM upload WHERE bucket = ? RETURNING id, blob;

-- name: part
SELECT blob FROM part WHERE upload = ? AND number = ?;

-- name: part_put
INSERT OR REPLACE INTO part (upload, number, size, etag, modified, blob, offset, checksum)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: parts
SELECT * FROM part WHERE upload = :upload AND number > :after ORDER BY number LIMIT :limit;

-- name: parts_in
SELECT number FROM part WHERE upload = ? AND blob = ?;

-- name: parts_delete
DELETE FROM part WHERE upload = ? RETURNING blob, offset, etag;

-- name: completed
SELECT result FROM completed WHERE upload = ? AND bucket = ? AND key = ?;

-- name: completed_add
INSERT OR REPLACE INTO completed (upload, at, bucket, key, result) VALUES (?, ?, ?, ?, ?);

-- name: completed_oldest
SELECT min(at) AS at FROM completed;

-- name: completed_forget
DELETE FROM completed WHERE at < ?;

-- Every blob that a row names, in one look: a blob may pass from an upload to an object meanwhile.
-- name: blobs
SELECT blob FROM object UNION ALL SELECT blob FROM version UNION ALL SELECT blob FROM upload
UNION ALL SELECT blob FROM part;

-- name: list_objects
SELECT key, size, etag, modified, head FROM object WHERE bucket = ? AND key >= ? ORDER BY key;

-- Both tables one behind the other, each in its own order, so that nothing is sorted but one key's versions.
-- name: list_versions
SELECT key, seq, version, size, etag, modified, head FROM object
WHERE bucket = :bucket AND key >= :start
UNION ALL SELECT key, seq, version, size, etag, modified, head FROM version
WHERE bucket = :bucket AND key >= :start
ORDER BY key, seq DESC;

-- The rest of one key's versions.
-- name: list_versions_of
SELECT key, seq, version, size, etag, modified, head FROM version
WHERE bucket = :bucket AND key = :key AND seq < :seq ORDER BY seq DESC;

-- name: list_uploads
SELECT key, id, initiated, initiator, head FROM upload WHERE bucket = :bucket AND key >= :start ORDER BY key, id;

-- name: list_uploads_of
SELECT key, id, initiated, initiator, head FROM upload WHERE bucket = :bucket AND key = :key AND id > :id ORDER BY id;

-- What a job's channel needs of each object, from a key on.
-- name: inside_list
SELECT key, blob, size, etag, head, tags FROM object WHERE bucket = ? AND key >= ? ORDER BY key;

-- Where the next page of a prefix begins.
-- name: bulk_next
SELECT key FROM object WHERE bucket = :bucket AND key >= :start AND key < CAST(:end AS TEXT)
ORDER BY key LIMIT 1 OFFSET :page;

-- A page at once, each column an array in the order of keys. The blob literal is "customer", with its quotes: a search
-- in bytes, which needs no copy of each head.
-- name: bulk_page
SELECT json_group_array(key) AS keys, json_group_array(blob) AS blobs, json_group_array(size) AS sizes,
       json_group_array(etag) AS etags, coalesce(sum(size), 0) AS size,
       count(tags) + total(instr(head, X'22637573746F6D657222') > 0) AS odd
FROM object WHERE bucket = :bucket AND key >= :start AND key < CAST(:end AS TEXT);

-- name: bulk_odd
SELECT key, head, tags FROM object
WHERE bucket = :bucket AND key >= :start AND key < CAST(:end AS TEXT)
      AND (tags IS NOT NULL OR instr(head, X'22637573746F6D657222') > 0);
