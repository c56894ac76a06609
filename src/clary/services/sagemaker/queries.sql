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
