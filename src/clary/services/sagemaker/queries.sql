-- SageMaker's own statements, beside those of store/queries.sql.

-- name: hosting_every
SELECT arn, document FROM hosting ORDER BY arn;

-- name: hosting_find
SELECT document FROM hosting WHERE arn = :arn;

-- name: hosting_put
INSERT INTO hosting (arn, document) VALUES (:arn, :document)
ON CONFLICT (arn) DO UPDATE SET document = excluded.document;

-- name: hosting_remove
DELETE FROM hosting WHERE arn = :arn;

-- The replicas of all endpoints, with the jobs that they are.
-- name: replica_all
SELECT resource.arn, resource.document, job.id, job.state, job.stop
FROM resource JOIN job ON job.arn = resource.arn
WHERE resource.service = 'sagemaker' AND resource.type = 'EndpointReplica'
ORDER BY job.id;

-- name: replica_find
SELECT resource.arn, resource.document, resource.created, job.id, job.attempt
FROM job JOIN resource ON resource.arn = job.arn
WHERE job.id = :id AND resource.type = 'EndpointReplica' AND job.state = 'running';

-- name: route_every
SELECT kind, key, document FROM route ORDER BY kind, key;

-- How many replicas of an endpoint are ready, by fleet and variant.
-- name: route_ready
SELECT told ->> 'fleet' AS fleet, told ->> 'variant' AS variant, count(*) AS ready
FROM (SELECT CAST(document AS TEXT) AS told FROM route WHERE kind = 'replica')
WHERE told ->> 'endpoint' = :arn AND told ->> 'state' = 'ready'
GROUP BY 1, 2;

-- The last thing that was said of a job.
-- name: replica_said
SELECT message FROM event WHERE arn = :arn ORDER BY id DESC LIMIT 1;

-- name: artifact_of
SELECT arn FROM resource
WHERE type = 'Artifact' AND json_extract(CAST(document AS TEXT), '$.Source.SourceUri') = :uri
    AND account = :account AND region = :region
ORDER BY created, arn LIMIT 1;

-- name: association_from
SELECT arn, document FROM resource
WHERE type = 'Association' AND json_extract(CAST(document AS TEXT), '$.SourceArn') = :arn ORDER BY created, arn;

-- name: association_to
SELECT arn, document FROM resource
WHERE type = 'Association' AND json_extract(CAST(document AS TEXT), '$.DestinationArn') = :arn ORDER BY created, arn;

-- The components of jobs that have ended, and which do not say so yet.
-- name: component_behind
SELECT component.arn, component.document
FROM resource AS component JOIN job ON job.arn = CAST(component.document AS TEXT) ->> '$.Source.SourceArn'
WHERE component.service = 'sagemaker' AND component.type = 'TrialComponent'
    AND CAST(component.document AS TEXT) ->> '$.Status.PrimaryStatus' IN ('InProgress', 'Stopping')
    AND job.state IN ('completed', 'failed', 'stopped');

-- A component whose name is this but for capitals: metrics are put under names in lower case.
-- name: component_folded
SELECT arn, document FROM resource
WHERE service = 'sagemaker' AND type = 'TrialComponent' AND account = :account AND region = :region
    AND lower(name) = lower(:name)
ORDER BY created LIMIT 1;

-- name: value_add
INSERT INTO component_value (arn, metric, at, step, value) VALUES (:arn, :metric, :at, :step, :value);

-- name: value_all
SELECT at, step, value FROM component_value WHERE arn = :arn AND metric = :metric ORDER BY at, rowid;

-- name: value_clear
DELETE FROM component_value WHERE arn = :arn;

-- name: metric_find
SELECT * FROM component_metric WHERE arn = :arn AND metric = :metric AND source = :source;

-- name: metric_put
INSERT INTO component_metric (arn, metric, source, count, least, most, mean, squares, last, at)
VALUES (:arn, :metric, :source, :count, :least, :most, :mean, :squares, :last, :at)
ON CONFLICT (arn, metric, source) DO UPDATE SET count = excluded.count, least = excluded.least, most = excluded.most,
    mean = excluded.mean, squares = excluded.squares, last = excluded.last, at = excluded.at;

-- name: metric_all
SELECT * FROM component_metric WHERE arn = :arn ORDER BY metric, source;

-- name: metric_clear
DELETE FROM component_metric WHERE arn = :arn;
