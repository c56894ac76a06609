-- What Glue asks of the tables in schema.sql, and of the shared ones.

-- name: thing_find
SELECT * FROM resource
WHERE service = 'glue' AND type = :type AND account = :account AND region = :region AND name = :name;

-- name: thing_page
SELECT * FROM resource
WHERE service = 'glue' AND type = :type AND account = :account AND region = :region AND name > :after
ORDER BY name;

-- name: run_add
INSERT INTO glue_run (account, region, job, run, arn, workflow, trigger)
VALUES (:account, :region, :job, :run, :arn, :workflow, :trigger);

-- The newest first.
-- name: run_page
SELECT * FROM glue_run
WHERE account = :account AND region = :region AND job = :job AND number < :before
ORDER BY number DESC;

-- Those of a job that go on.
-- name: run_open
SELECT glue_run.* FROM glue_run JOIN job ON job.arn = glue_run.arn
WHERE account = :account AND region = :region AND glue_run.job = :job
    AND job.state NOT IN ('completed', 'failed', 'stopped');

-- Of every job of the engine's that has ended, and nothing was made of it yet.
-- name: run_unsettled
SELECT glue_run.* FROM glue_run JOIN job ON job.arn = glue_run.arn
WHERE settled = 0 AND job.state IN ('completed', 'failed', 'stopped') ORDER BY number;

-- Those that wait for their turn among the runs of their job, in order.
-- name: run_queued
SELECT * FROM glue_run WHERE settled = 0 AND NOT EXISTS (SELECT 1 FROM job WHERE job.arn = glue_run.arn)
ORDER BY number;

-- Whether some of one job do.
-- name: run_waiting
SELECT 1 FROM glue_run
WHERE account = :account AND region = :region AND glue_run.job = :job AND settled = 0
    AND NOT EXISTS (SELECT 1 FROM job WHERE job.arn = glue_run.arn)
LIMIT 1;

-- name: run_settle
UPDATE glue_run SET settled = 1 WHERE arn = :arn;

-- name: run_of_workflow
SELECT * FROM glue_run WHERE workflow = :workflow ORDER BY number;

-- Those of a job that have ended, and nothing is left to be done.
-- name: run_over
SELECT glue_run.* FROM glue_run JOIN job ON job.arn = glue_run.arn
WHERE account = :account AND region = :region AND glue_run.job = :job AND settled = 1
    AND job.state IN ('completed', 'failed', 'stopped');

-- Those of every job that ended long ago.
-- name: run_past
SELECT glue_run.arn FROM glue_run JOIN resource ON resource.arn = glue_run.arn JOIN job ON job.arn = glue_run.arn
WHERE settled = 1 AND resource.modified < :before AND job.state IN ('completed', 'failed', 'stopped');

-- Runs of workflows that nothing of is left.
-- name: workflow_run_past
SELECT arn FROM resource
WHERE service = 'glue' AND type = 'WorkflowRun' AND modified < :before;

-- name: run_remove
DELETE FROM glue_run WHERE arn = :arn;

-- name: bookmark_add
INSERT INTO glue_bookmark (account, region, job, run, document) VALUES (:account, :region, :job, :run, :document);

-- name: bookmark_last
SELECT * FROM glue_bookmark WHERE account = :account AND region = :region AND job = :job
ORDER BY number DESC LIMIT 1;

-- name: bookmark_of_run
SELECT * FROM glue_bookmark WHERE account = :account AND region = :region AND job = :job AND run = :run
ORDER BY number DESC LIMIT 1;

-- name: bookmark_drop_after
DELETE FROM glue_bookmark WHERE account = :account AND region = :region AND job = :job AND number > :number;

-- name: bookmark_clear
DELETE FROM glue_bookmark WHERE account = :account AND region = :region AND job = :job;

-- name: due_put
INSERT INTO glue_due (arn, at) VALUES (:arn, :at) ON CONFLICT (arn) DO UPDATE SET at = excluded.at;

-- name: due_remove
DELETE FROM glue_due WHERE arn = :arn;

-- name: due_next
SELECT * FROM glue_due ORDER BY at LIMIT 1;

-- name: met_put
INSERT INTO glue_met (arn, workflow, number, job, run) VALUES (:arn, :workflow, :number, :job, :run)
ON CONFLICT (arn, workflow, number) DO UPDATE SET job = excluded.job, run = excluded.run;

-- name: met_all
SELECT * FROM glue_met WHERE arn = :arn AND workflow = :workflow ORDER BY number;

-- name: met_clear
DELETE FROM glue_met WHERE arn = :arn AND workflow = :workflow;

-- name: met_remove
DELETE FROM glue_met WHERE arn = :arn;

-- The newest first: `from` and `until` are around the names that begin with the workflow's.
-- name: workflow_runs
SELECT * FROM resource
WHERE service = 'glue' AND type = 'WorkflowRun' AND account = :account AND region = :region
    AND name > :from AND name < :until
ORDER BY created DESC, name;
