-- What Glue asks of the tables in schema.sql, and of the shared ones.

-- name: thing_find
SELECT * FROM resource
WHERE service = 'glue' AND type = :type AND account = :account AND region = :region AND name = :name;

-- name: thing_page
SELECT * FROM resource
WHERE service = 'glue' AND type = :type AND account = :account AND region = :region AND name > :after
ORDER BY name;
