-- What crawlers ask of the tables in schema.sql.

-- name: crawl_add
INSERT INTO glue_crawl (id, crawler, name, region, state, started, document, trigger, workflow, of)
VALUES (:id, :arn, :name, :region, 'RUNNING', :now, '{}', :trigger, :workflow, :of);

-- name: crawl_of_workflow
SELECT * FROM glue_crawl WHERE of = :of AND ended IS NULL LIMIT 1;

-- name: crawl_part_of
SELECT * FROM glue_crawl WHERE of = :of ORDER BY number;

-- name: crawl_stop_of_workflow
UPDATE glue_crawl SET state = 'STOPPING' WHERE of = :of AND ended IS NULL;

-- name: crawl_open
SELECT * FROM glue_crawl WHERE crawler = :arn AND ended IS NULL;

-- name: crawl_every_open
SELECT * FROM glue_crawl WHERE ended IS NULL ORDER BY number;

-- name: crawl_last
SELECT * FROM glue_crawl WHERE crawler = :arn AND ended IS NOT NULL ORDER BY number DESC LIMIT 1;

-- name: crawl_stop
UPDATE glue_crawl SET state = 'STOPPING' WHERE crawler = :arn AND ended IS NULL;

-- name: crawl_end
UPDATE glue_crawl SET state = :state, ended = :now, document = :document WHERE id = :id AND ended IS NULL;

-- name: crawl_page
SELECT * FROM glue_crawl WHERE crawler = :arn AND number < :before ORDER BY number DESC;

-- name: crawl_clear
DELETE FROM glue_crawl WHERE crawler = :arn;

-- name: due_put
INSERT INTO glue_crawler_due (arn, at) VALUES (:arn, :at) ON CONFLICT (arn) DO UPDATE SET at = excluded.at;

-- name: due_remove
DELETE FROM glue_crawler_due WHERE arn = :arn;

-- name: due_first
SELECT * FROM glue_crawler_due ORDER BY at LIMIT 1;
