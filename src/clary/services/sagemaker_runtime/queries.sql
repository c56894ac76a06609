-- Asynchronous invocations.

-- name: invocation_add
INSERT INTO invocation (endpoint, document, created) VALUES (:endpoint, :document, :created);

-- name: invocation_backlog
SELECT endpoint, count(*) AS size, min(created) AS oldest FROM invocation GROUP BY endpoint ORDER BY endpoint;

-- The first of an endpoint.
-- name: invocation_first
SELECT * FROM invocation WHERE endpoint = :endpoint ORDER BY id LIMIT :limit;

-- name: invocation_begin
UPDATE invocation SET begun = :now WHERE id = :id;

-- name: invocation_lose
UPDATE invocation SET lost = lost + 1 WHERE id = :id;

-- name: invocation_remove
DELETE FROM invocation WHERE id = :id;
