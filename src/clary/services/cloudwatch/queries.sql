-- What CloudWatch asks of the tables in schema.sql.

-- name: metric_find
SELECT id FROM metric
WHERE region = :region AND namespace = :namespace AND name = :name AND dimensions = :dimensions;

-- name: metric_add
INSERT INTO metric (region, namespace, name, dimensions, latest)
VALUES (:region, :namespace, :name, :dimensions, :latest)
ON CONFLICT (region, namespace, name, dimensions) DO UPDATE SET latest = max(latest, excluded.latest)
RETURNING id;

-- The metrics of a region from behind a place on.
-- name: metric_page
SELECT id, namespace, name, dimensions FROM metric
WHERE region = :region AND latest >= :since
    AND (:namespace IS NULL OR namespace = :namespace) AND (:name IS NULL OR name = :name)
    AND (namespace, name, dimensions) > (:after_namespace, :after_name, :after_dimensions)
ORDER BY namespace, name, dimensions;

-- Those without a point any more.
-- name: metric_forget
DELETE FROM metric WHERE latest < :before AND NOT EXISTS (SELECT 1 FROM point WHERE point.metric = metric.id);

-- name: point_find
SELECT count, total, low, high, spread FROM point
WHERE metric = :metric AND at = :at AND period = :period AND unit = :unit;

-- name: point_put
INSERT OR REPLACE INTO point (metric, at, period, unit, count, total, low, high, spread)
VALUES (:metric, :at, :period, :unit, :count, :total, :low, :high, :spread);

-- name: point_range
SELECT at, unit, count, total, low, high, spread FROM point
WHERE metric = :metric AND at >= :start AND at < :end AND period <= :period AND (:unit IS NULL OR unit = :unit)
ORDER BY at;

-- name: point_old
SELECT metric, at, unit, count, total, low, high, spread FROM point
WHERE period = :period AND at < :before ORDER BY at LIMIT :limit;

-- name: point_remove
DELETE FROM point WHERE metric = :metric AND at = :at AND period = :period AND unit = :unit;

-- name: point_expire
DELETE FROM point WHERE period = :period AND at < :before;
