-- Every statement of IAM, by name.

-- name: fact
SELECT value FROM fact WHERE key = ?

-- name: fact_put
INSERT INTO fact VALUES (?, ?)

-- name: entity_add
INSERT INTO iam_entity VALUES (:id, :kind, :name, :path, :arn, :boundary, :document, :created)

-- name: entity_by_name
SELECT * FROM iam_entity WHERE kind = ? AND name = ?

-- name: entity_by_arn
SELECT * FROM iam_entity WHERE arn = ?

-- name: entity_by_id
SELECT * FROM iam_entity WHERE id = ?

-- name: entities
SELECT * FROM iam_entity WHERE kind = ? AND substr(path, 1, length(?2)) = ?2 ORDER BY name

-- name: entity_set
UPDATE iam_entity SET name = :name, path = :path, arn = :arn, boundary = :boundary, document = :document WHERE id = :id

-- name: entity_delete
DELETE FROM iam_entity WHERE id = ?

-- name: entity_counts
SELECT kind, count(*) AS number FROM iam_entity GROUP BY kind

-- name: member_add
INSERT OR IGNORE INTO iam_member VALUES (?, ?)

-- name: member_delete
DELETE FROM iam_member WHERE holder = ? AND member = ?

-- name: members
SELECT e.* FROM iam_member m JOIN iam_entity e ON e.id = m.member WHERE m.holder = ? ORDER BY e.name

-- name: holders
SELECT e.* FROM iam_member m JOIN iam_entity e ON e.id = m.holder WHERE m.member = ? ORDER BY e.name

-- name: inline
SELECT name, text FROM iam_inline WHERE entity = ? ORDER BY name

-- name: inline_put
INSERT INTO iam_inline VALUES (?, ?, ?) ON CONFLICT (entity, name) DO UPDATE SET text = excluded.text

-- name: inline_delete
DELETE FROM iam_inline WHERE entity = ? AND name = ?

-- name: attached
SELECT policy FROM iam_attachment WHERE entity = ? ORDER BY policy

-- name: attach
INSERT OR IGNORE INTO iam_attachment VALUES (?, ?)

-- name: detach
DELETE FROM iam_attachment WHERE entity = ? AND policy = ?

-- name: attachments_of
SELECT e.* FROM iam_attachment a JOIN iam_entity e ON e.id = a.entity WHERE a.policy = ? ORDER BY e.name

-- name: bounded_by
SELECT * FROM iam_entity WHERE boundary = ? ORDER BY name

-- name: attachment_counts
SELECT policy, count(*) AS number FROM iam_attachment GROUP BY policy

-- name: boundary_counts
SELECT boundary AS policy, count(*) AS number FROM iam_entity WHERE boundary IS NOT NULL GROUP BY boundary

-- name: versions
SELECT * FROM iam_version WHERE policy = ? ORDER BY number DESC

-- name: version_add
INSERT INTO iam_version VALUES (:policy, :number, :text, :preferred, :created)

-- name: version_prefer
UPDATE iam_version SET preferred = (number = :number) WHERE policy = :policy

-- name: version_delete
DELETE FROM iam_version WHERE policy = ? AND number = ?

-- name: default_text
SELECT v.text FROM iam_entity e JOIN iam_version v ON v.policy = e.id AND v.preferred = 1 WHERE e.arn = ?

-- name: key
SELECT * FROM iam_key WHERE id = ?

-- name: key_add
INSERT INTO iam_key (id, entity, status, created) VALUES (?, ?, 'Active', ?)

-- name: keys
SELECT * FROM iam_key WHERE entity IS ? ORDER BY created, id

-- name: key_status
UPDATE iam_key SET status = ? WHERE id = ?

-- name: used
SELECT * FROM iam_used WHERE subject = ?

-- name: used_put
INSERT OR REPLACE INTO iam_used VALUES (?, ?, ?, ?)

-- name: used_delete
DELETE FROM iam_used WHERE subject = ?

-- name: key_delete
DELETE FROM iam_key WHERE id = ?

-- name: tags
SELECT key, value FROM tag WHERE arn = ? ORDER BY key COLLATE NOCASE

-- name: tag_put
INSERT INTO tag VALUES (?, ?, ?) ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value

-- name: tag_delete
DELETE FROM tag WHERE arn = ? AND key = ?

-- name: tags_delete
DELETE FROM tag WHERE arn = ?

-- name: tags_move
UPDATE tag SET arn = ? WHERE arn = ?
