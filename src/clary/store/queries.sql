-- What every AWS noun asks of the tables in schema.sql.

-- name: resource_find
SELECT arn, type, name, document, created, modified FROM resource WHERE arn = :arn;

-- name: resource_add
INSERT INTO resource (arn, service, type, account, region, name, document, created, modified)
VALUES (:arn, :service, :type, :account, :region, :name, :document, :created, :created);

-- name: resource_change
UPDATE resource SET document = :document, modified = :modified WHERE arn = :arn;

-- name: resource_remove
DELETE FROM resource WHERE arn = :arn;

-- One of :type whose document names :value under :path, as a Trial names its Experiment.
-- name: resource_child
SELECT arn FROM resource
WHERE service = :service AND type = :type AND account = :account AND region = :region
    AND json_extract(CAST(document AS TEXT), :path) = :value
LIMIT 1;

-- The resources of a type, sorted by {key} in {order}. {only} are conditions, each there only if it is asked for, so that
-- the index of the order is not passed over for one of a condition that all meet. They are read as far as the page goes.
-- name: resource_page
SELECT *, {key} AS sorted FROM resource {beside}
WHERE service = :service AND type = :type AND account = :account AND region = :region {only}
ORDER BY {order};

-- Beside the resources of a page: the job of each, and the last of its events.
-- name: resource_job
LEFT JOIN (SELECT arn AS job_arn, state AS job_state, stop AS job_stop FROM job) ON job_arn = arn
LEFT JOIN (
    SELECT id AS event_id, at AS event_at, state AS event_state, message AS event_message, detail AS event_detail
    FROM event
) ON event_id = (SELECT max(id) FROM event WHERE event.arn = resource.arn)

-- name: resource_latest
SELECT max(created) AS created, max(modified) AS modified FROM resource;

-- name: tag_all
SELECT key, value FROM tag WHERE arn = :arn ORDER BY key;

-- name: tag_put
INSERT INTO tag (arn, key, value) VALUES (:arn, :key, :value)
ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value;

-- name: tag_remove
DELETE FROM tag WHERE arn = :arn AND key = :key;

-- name: tag_clear
DELETE FROM tag WHERE arn = :arn;

-- name: job_add
INSERT INTO job (arn, recipe, state, due) VALUES (:arn, :recipe, :state, :due);

-- name: job_find
SELECT * FROM job WHERE arn = :arn;

-- name: job_stop
UPDATE job SET stop = 1 WHERE arn = :arn;

-- name: job_remove
DELETE FROM job WHERE arn = :arn;

-- name: event_clear
DELETE FROM event WHERE arn = :arn;

-- name: event_add
INSERT INTO event (arn, at, state, message, detail) VALUES (:arn, :at, :state, :message, :detail);

-- name: event_all
SELECT at, state, message, detail FROM event WHERE arn = :arn ORDER BY id;

-- name: route_all
SELECT kind, document FROM route;

-- name: route_put
INSERT INTO route (kind, key, document) VALUES (:kind, :key, :document)
ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document;

-- name: route_remove
DELETE FROM route WHERE kind = :kind AND key = :key;
