-- What the Data Catalog asks of the tables in schema.sql.

-- name: table_find
SELECT * FROM glue_table WHERE region = :region AND database = :database AND name = :name;

-- name: table_add
INSERT INTO glue_table (region, database, name, version, next, document, created, modified, creator)
VALUES (:region, :database, :name, 0, 1, :document, :now, :now, :creator)
ON CONFLICT DO NOTHING;

-- name: table_change
UPDATE glue_table SET document = :document, version = next, next = next + 1, modified = :now WHERE id = :id;

-- name: table_remove
DELETE FROM glue_table WHERE id = :id;

-- name: table_clear
DELETE FROM glue_table WHERE region = :region AND database = :database;

-- name: table_page
SELECT * FROM glue_table WHERE region = :region AND database = :database AND name > :after ORDER BY name;

-- name: table_every
SELECT * FROM glue_table WHERE region = :region ORDER BY database, name;

-- name: version_keep
INSERT INTO glue_table_version (id, version, document, modified)
SELECT id, version, document, modified FROM glue_table WHERE id = :id;

-- Newest first, the one that holds among them.
-- name: version_page
SELECT version, document, modified FROM glue_table WHERE id = :id AND version < :before
UNION ALL
SELECT version, document, modified FROM glue_table_version WHERE id = :id AND version < :before
ORDER BY version DESC;

-- name: version_find
SELECT version, document, modified FROM glue_table WHERE id = :id AND version = :version
UNION ALL
SELECT version, document, modified FROM glue_table_version WHERE id = :id AND version = :version;

-- name: version_remove
DELETE FROM glue_table_version WHERE id = :id AND version = :version;

-- name: partition_find
SELECT * FROM glue_partition WHERE id = :id AND "values" = :values;

-- name: partition_add
INSERT INTO glue_partition (id, "values", document, created) VALUES (:id, :values, :document, :now)
ON CONFLICT DO NOTHING;

-- name: partition_change
UPDATE OR IGNORE glue_partition SET "values" = :values, document = :document WHERE id = :id AND "values" = :had;

-- name: partition_remove
DELETE FROM glue_partition WHERE id = :id AND "values" = :values;

-- name: partition_values
SELECT "values" FROM glue_partition WHERE id = :id AND "values" > :after ORDER BY "values";

-- name: index_all
SELECT * FROM glue_partition_index WHERE id = :id ORDER BY name;

-- name: index_add
INSERT INTO glue_partition_index (id, name, keys) VALUES (:id, :name, :keys) ON CONFLICT DO NOTHING;

-- name: index_remove
DELETE FROM glue_partition_index WHERE id = :id AND name = :name;

-- name: statistics_find
SELECT * FROM glue_column_statistics WHERE id = :id AND "values" = :values AND name = :name;

-- name: statistics_put
INSERT INTO glue_column_statistics (id, "values", name, document) VALUES (:id, :values, :name, :document)
ON CONFLICT (id, "values", name) DO UPDATE SET document = excluded.document;

-- name: statistics_remove
DELETE FROM glue_column_statistics WHERE id = :id AND "values" = :values AND name = :name;

-- name: statistics_clear
DELETE FROM glue_column_statistics WHERE id = :id AND "values" = :values;

-- name: function_find
SELECT * FROM glue_function WHERE region = :region AND database = :database AND name = :name;

-- name: function_add
INSERT INTO glue_function (region, database, name, document, created)
VALUES (:region, :database, :name, :document, :now)
ON CONFLICT DO NOTHING;

-- name: function_change
UPDATE OR IGNORE glue_function SET name = :name, document = :document
WHERE region = :region AND database = :database AND name = :had;

-- name: function_remove
DELETE FROM glue_function WHERE region = :region AND database = :database AND name = :name;

-- name: function_clear
DELETE FROM glue_function WHERE region = :region AND database = :database;

-- name: function_page
SELECT * FROM glue_function
WHERE region = :region AND (:database IS NULL OR database = :database)
    AND (database, name) > (:after_0, :after_1)
ORDER BY database, name;

-- name: setting_find
SELECT * FROM glue_setting WHERE region = :region AND name = :name;

-- name: setting_put
INSERT INTO glue_setting (region, name, document, created, modified) VALUES (:region, :name, :document, :now, :now)
ON CONFLICT (region, name) DO UPDATE SET document = excluded.document, modified = excluded.modified;

-- name: setting_remove
DELETE FROM glue_setting WHERE region = :region AND name = :name;
