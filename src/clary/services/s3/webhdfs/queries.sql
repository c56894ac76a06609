-- Whether anything begins with a prefix.
-- name: first
SELECT 1 FROM object WHERE bucket = :bucket AND key >= :start AND key < CAST(:end AS TEXT) LIMIT 1;

-- name: children
SELECT key, size, modified FROM object WHERE bucket = ? AND key >= ? ORDER BY key;

-- What a directory holds, at any depth.
-- name: tree
SELECT key, seq, blob, size, etag, modified, head, tags, parts FROM object
WHERE bucket = :bucket AND key >= :start AND key < CAST(:end AS TEXT) ORDER BY key;

-- name: one
SELECT key, seq, blob, size, etag, modified, head, tags, parts FROM object WHERE bucket = :bucket AND key = :key;

-- Where no version is kept, a directory's objects get their new keys at once: the bytes are named by the same rows.
-- name: move
UPDATE object SET key = :to || substr(key, :cut), modified = :now
WHERE bucket = :bucket AND key >= :start AND key < CAST(:end AS TEXT);

-- name: move_one
UPDATE object SET key = :to, modified = :now WHERE bucket = :bucket AND key = :key;

-- name: remove
DELETE FROM object WHERE bucket = :bucket AND key >= :start AND key < CAST(:end AS TEXT);

-- The markers of empty directories that MKDIRS put, and nobody else.
-- name: marker
SELECT size, head FROM object WHERE bucket = ? AND key = ?;
