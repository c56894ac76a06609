-- What Application Auto Scaling asks of the tables in schema.sql.

-- name: target_find
SELECT * FROM scaling_target WHERE region = :region AND resource = :resource AND dimension = :dimension;

-- name: target_by_arn
SELECT * FROM scaling_target WHERE arn = :arn;

-- name: target_every
SELECT * FROM scaling_target ORDER BY region, resource, dimension;

-- name: target_put
INSERT INTO scaling_target (region, resource, dimension, arn, document, memory, created)
VALUES (:region, :resource, :dimension, :arn, :document, '{}', :now)
ON CONFLICT (region, resource, dimension) DO UPDATE SET document = excluded.document;

-- name: target_remember
UPDATE scaling_target SET memory = :memory WHERE arn = :arn;

-- name: target_remove
DELETE FROM scaling_target WHERE arn = :arn;

-- name: target_page
SELECT * FROM scaling_target
WHERE region = :region AND (:dimension IS NULL OR dimension = :dimension)
    AND (resource, dimension) > (:after_0, :after_1)
ORDER BY resource, dimension;

-- name: policy_find
SELECT * FROM scaling_policy
WHERE region = :region AND resource = :resource AND dimension = :dimension AND name = :name;

-- name: policy_of
SELECT * FROM scaling_policy
WHERE region = :region AND resource = :resource AND dimension = :dimension ORDER BY name;

-- name: policy_put
INSERT INTO scaling_policy (region, resource, dimension, name, arn, document, created)
VALUES (:region, :resource, :dimension, :name, :arn, :document, :now)
ON CONFLICT (region, resource, dimension, name) DO UPDATE SET document = excluded.document;

-- name: policy_remove
DELETE FROM scaling_policy WHERE arn = :arn;

-- name: policy_page
SELECT * FROM scaling_policy
WHERE region = :region AND (:resource IS NULL OR resource = :resource)
    AND (:dimension IS NULL OR dimension = :dimension)
    AND (resource, dimension, name) > (:after_0, :after_1, :after_2)
ORDER BY resource, dimension, name;

-- name: action_find
SELECT * FROM scheduled_action
WHERE region = :region AND resource = :resource AND dimension = :dimension AND name = :name;

-- name: action_put
INSERT INTO scheduled_action (region, resource, dimension, name, arn, document, created, due)
VALUES (:region, :resource, :dimension, :name, :arn, :document, :now, :due)
ON CONFLICT (region, resource, dimension, name) DO UPDATE SET document = excluded.document, due = excluded.due;

-- name: action_move
UPDATE scheduled_action SET due = :due WHERE arn = :arn;

-- name: action_remove
DELETE FROM scheduled_action WHERE arn = :arn;

-- name: action_due
SELECT * FROM scheduled_action WHERE due IS NOT NULL ORDER BY due LIMIT 1;

-- name: action_page
SELECT * FROM scheduled_action
WHERE region = :region AND (:resource IS NULL OR resource = :resource)
    AND (:dimension IS NULL OR dimension = :dimension)
    AND (resource, dimension, name) > (:after_0, :after_1, :after_2)
ORDER BY resource, dimension, name;

-- name: activity_add
INSERT INTO scaling_activity (region, resource, dimension, at, ended, status, document)
VALUES (:region, :resource, :dimension, :now, :ended, :status, :document);

-- name: activity_find
SELECT * FROM scaling_activity WHERE id = :id;

-- Those of an endpoint that go on.
-- name: activity_open
SELECT * FROM scaling_activity WHERE ended IS NULL AND region = :region AND resource LIKE :resource ESCAPE '\';

-- name: activity_end
UPDATE scaling_activity SET ended = :now, status = :status, document = :document WHERE id = :id;

-- The newest first.
-- name: activity_page
SELECT * FROM scaling_activity
WHERE region = :region AND (:resource IS NULL OR resource = :resource)
    AND (:dimension IS NULL OR dimension = :dimension) AND (:after_0 = '' OR id < CAST(:after_0 AS INTEGER))
ORDER BY id DESC;

-- name: activity_expire
DELETE FROM scaling_activity WHERE at < :before;
