-- name: repository_add
INSERT INTO ecr_repository (region, name, created, document) VALUES (:region, :name, :created, :document);

-- name: repository
SELECT * FROM ecr_repository WHERE region = :region AND name = :name;

-- name: repository_by_id
SELECT * FROM ecr_repository WHERE id = :id;

-- name: repositories
SELECT * FROM ecr_repository WHERE region = :region AND name > :after ORDER BY name LIMIT :limit;

-- name: repository_document
UPDATE ecr_repository SET document = :document WHERE id = :id;

-- name: repository_policy
UPDATE ecr_repository SET policy = :policy WHERE id = :id;

-- name: repository_lifecycle
UPDATE ecr_repository SET lifecycle = :lifecycle, evaluated = 0 WHERE id = :id;

-- name: repository_preview
UPDATE ecr_repository SET preview = :preview WHERE id = :id;

-- name: repository_evaluated
UPDATE ecr_repository SET evaluated = :at WHERE id = :id AND lifecycle = :lifecycle;

-- name: repositories_due
SELECT * FROM ecr_repository WHERE lifecycle != '' AND evaluated < :before;

-- name: repository_delete
DELETE FROM ecr_repository WHERE id = :id;

-- name: image
SELECT * FROM ecr_image WHERE repository = :repository AND digest = :digest;

-- name: image_tagged
SELECT i.* FROM ecr_tag t JOIN ecr_image i ON i.repository = t.repository AND i.digest = t.digest
WHERE t.repository = :repository AND t.tag = :tag;

-- name: image_add
INSERT INTO ecr_image (repository, digest, media, artifact, subject, size, pushed, manifest)
VALUES (:repository, :digest, :media, :artifact, :subject, :size, :pushed, :manifest);

-- name: image_pulled
UPDATE ecr_image SET pulled = :at WHERE repository = :repository AND digest = :digest AND pulled < :before;

-- name: image_delete
DELETE FROM ecr_image WHERE repository = :repository AND digest = :digest;

-- name: images
SELECT * FROM ecr_image WHERE repository = :repository AND digest > :after ORDER BY digest LIMIT :limit;

-- What rules choose by, without the manifests.
-- name: images_all
SELECT digest, media, pushed, pulled FROM ecr_image WHERE repository = :repository;

-- name: image_any
SELECT EXISTS (SELECT 1 FROM ecr_image WHERE repository = :repository) AS found;

-- name: tags
SELECT tag, digest FROM ecr_tag WHERE repository = :repository AND tag > :after ORDER BY tag LIMIT :limit;

-- name: tags_all
SELECT tag, digest FROM ecr_tag WHERE repository = :repository ORDER BY tag;

-- name: tags_of
SELECT tag FROM ecr_tag WHERE repository = :repository AND digest = :digest ORDER BY tag;

-- name: tag_put
INSERT INTO ecr_tag (repository, tag, digest) VALUES (:repository, :tag, :digest)
ON CONFLICT DO UPDATE SET digest = excluded.digest;

-- name: tag_delete
DELETE FROM ecr_tag WHERE repository = :repository AND tag = :tag;

-- The rows of ListImages: a line for each tag, and one for each image without any.
-- name: image_ids
SELECT i.digest, ifnull(t.tag, '') AS tag FROM ecr_image i
LEFT JOIN ecr_tag t ON t.repository = i.repository AND t.digest = i.digest
WHERE i.repository = :repository AND (i.digest, ifnull(t.tag, '')) > (:digest, :tag)
ORDER BY i.digest, tag;

-- name: use_add
INSERT OR IGNORE INTO ecr_use (repository, used, image) VALUES (:repository, :used, :image);

-- The lists that name an image.
-- name: users
SELECT image FROM ecr_use WHERE repository = :repository AND used = :used ORDER BY image;

-- name: uses_all
SELECT used, image FROM ecr_use WHERE repository = :repository;

-- name: referrers
SELECT * FROM ecr_image WHERE repository = :repository AND subject = :subject AND digest > :after ORDER BY digest;

-- name: layer
SELECT * FROM ecr_layer WHERE repository = :repository AND digest = :digest;

-- A blob with these bytes, in whichever repository.
-- name: layer_anywhere
SELECT blob FROM ecr_layer WHERE digest = :digest LIMIT 1;

-- name: layer_add
INSERT INTO ecr_layer (repository, digest, blob, size, claimed) VALUES (:repository, :digest, :blob, :size, :claimed);

-- name: layer_claim
UPDATE ecr_layer SET claimed = :at WHERE repository = :repository AND digest = :digest;

-- name: layer_delete
DELETE FROM ecr_layer WHERE repository = :repository AND digest = :digest RETURNING blob;

-- name: layers_delete
DELETE FROM ecr_layer WHERE repository = :repository RETURNING blob;

-- Those of one image that no other names, unless somebody was told meanwhile that they are here.
-- name: layers_freed
DELETE FROM ecr_layer WHERE repository = :repository AND claimed = 0
AND digest IN (SELECT used FROM ecr_use WHERE repository = :repository AND image = :image)
AND NOT EXISTS (SELECT 1 FROM ecr_use u WHERE u.repository = ecr_layer.repository AND u.used = ecr_layer.digest
                AND u.image != :image)
RETURNING blob;

-- name: layers_loose
DELETE FROM ecr_layer WHERE claimed > 0 AND claimed < :before
AND NOT EXISTS (SELECT 1 FROM ecr_use u WHERE u.repository = ecr_layer.repository AND u.used = ecr_layer.digest)
RETURNING blob;

-- name: layers_claimed
SELECT EXISTS (SELECT 1 FROM ecr_layer WHERE claimed > 0 AND claimed < :before) AS found;

-- name: layers_settled
UPDATE ecr_layer SET claimed = 0 WHERE claimed > 0 AND claimed < :before;

-- name: blob_named
SELECT EXISTS (SELECT 1 FROM ecr_layer WHERE blob = :blob) AS found;

-- name: upload_add
INSERT INTO ecr_upload (id, repository, touched) VALUES (:id, :repository, :touched);

-- name: upload
SELECT * FROM ecr_upload WHERE id = :id AND repository = :repository;

-- name: upload_grown
UPDATE ecr_upload SET blob = :blob, size = :size, touched = :touched WHERE id = :id;

-- name: upload_delete
DELETE FROM ecr_upload WHERE id = :id RETURNING blob;

-- name: uploads_delete
DELETE FROM ecr_upload WHERE repository = :repository RETURNING id, blob;

-- name: uploads_old
SELECT id FROM ecr_upload WHERE touched < :before;

-- Every blob that a row of ours names, in one look.
-- name: blobs
SELECT blob FROM ecr_layer UNION ALL SELECT blob FROM ecr_upload;

-- name: setting
SELECT value FROM ecr_setting WHERE region = :region AND name = :name;

-- name: settings
SELECT name, value FROM ecr_setting WHERE region = :region;

-- name: setting_put
INSERT INTO ecr_setting (region, name, value) VALUES (:region, :name, :value)
ON CONFLICT DO UPDATE SET value = excluded.value;

-- name: setting_delete
DELETE FROM ecr_setting WHERE region = :region AND name = :name;
