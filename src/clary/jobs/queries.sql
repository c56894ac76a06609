-- The engine's view of the tables job and event, in store/schema.sql. The lists of states are those of states.py.

-- Jobs that wait and that the engine has not seen yet.
-- name: job_waiting
SELECT job.id, job.arn, job.recipe, job.attempt, resource.document, resource.created
FROM job JOIN resource ON resource.arn = job.arn
WHERE job.state = 'pending' AND job.id > :after
ORDER BY job.id;

-- What a worker left behind when it ended.
-- name: job_begun
SELECT job.id, job.arn, job.recipe, job.attempt, job.state, job.stop, job.handle, job.memo,
    resource.document, resource.created
FROM job JOIN resource ON resource.arn = job.arn
WHERE job.state IN ('preparing', 'running', 'finishing')
ORDER BY job.id;

-- name: job_stopping
SELECT id FROM job WHERE state IN ('pending', 'preparing', 'running', 'finishing') AND stop = 1;

-- name: job_named
SELECT id, state, handle FROM job WHERE id = :id;

-- Nobody else gets it once this has changed a row.
-- name: job_claim
UPDATE job SET state = 'preparing', attempt = attempt + 1, owner = :owner, lease = :lease, handle = NULL, memo = NULL
WHERE id = :id AND state = 'pending' AND stop = 0;

-- name: job_take_over
UPDATE job SET owner = :owner, lease = :lease WHERE state IN ('preparing', 'running', 'finishing');

-- name: job_renew
UPDATE job SET lease = :lease
WHERE owner = :owner AND state IN ('preparing', 'running', 'finishing');

-- name: job_move
UPDATE job SET state = :to,
    handle = coalesce(:handle, handle), memo = coalesce(:memo, memo),
    owner = CASE WHEN :release THEN NULL ELSE owner END, lease = CASE WHEN :release THEN NULL ELSE lease END
WHERE id = :id AND state = :from AND (owner IS NULL OR owner = :owner);

-- name: job_hold
UPDATE job SET handle = :handle WHERE id = :id AND state = 'preparing' AND owner = :owner;

-- name: job_memo
UPDATE job SET memo = :memo WHERE id = :id AND owner = :owner;

-- name: resource_touched
UPDATE resource SET modified = max(modified, :at) WHERE arn = :arn;
