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

-- name: alarm_find
SELECT * FROM alarm WHERE region = :region AND name = :name;

-- name: alarm_page
SELECT * FROM alarm
WHERE region = :region AND name > :after AND (:state IS NULL OR state = :state)
ORDER BY name;

-- name: alarm_every
SELECT * FROM alarm ORDER BY region, name;

-- name: alarm_put
INSERT INTO alarm (region, name, document, configured, state, reason, updated, transitioned)
VALUES (:region, :name, :document, :now, 'INSUFFICIENT_DATA', :reason, :now, :now)
ON CONFLICT (region, name) DO UPDATE SET document = excluded.document, configured = excluded.configured;

-- An evaluation is of the alarm as it was configured then.
-- name: alarm_state
UPDATE alarm SET state = :state, reason = :reason, data = :data, updated = :now,
    transitioned = CASE WHEN state = :state THEN transitioned ELSE :now END
WHERE region = :region AND name = :name AND configured = :configured;

-- name: alarm_change
UPDATE alarm SET document = :document, configured = :now WHERE region = :region AND name = :name;

-- name: alarm_remove
DELETE FROM alarm WHERE region = :region AND name = :name;

-- name: history_add
INSERT INTO history (region, alarm, kind, at, type, summary, data)
VALUES (:region, :alarm, :kind, :at, :type, :summary, :data);

-- The history of one alarm, or of all; {way} and {beyond} are ASC and >, or DESC and <.
-- name: history_page
SELECT * FROM history
WHERE region = :region AND (:alarm IS NULL OR alarm = :alarm) AND (:type IS NULL OR type = :type)
    AND instr(:kinds, kind)
    AND at >= :start AND at <= :end AND (:after IS NULL OR (at, id) {beyond} (:after, :after_id))
ORDER BY at {way}, id {way} LIMIT :limit;

-- name: history_expire
DELETE FROM history WHERE at < :before;

-- name: dashboard_find
SELECT * FROM dashboard WHERE name = :name;

-- name: dashboard_put
INSERT OR REPLACE INTO dashboard (name, body, modified) VALUES (:name, :body, :modified);

-- name: dashboard_remove
DELETE FROM dashboard WHERE name = :name;

-- name: dashboard_page
SELECT name, length(CAST(body AS BLOB)) AS size, modified FROM dashboard WHERE name > :after ORDER BY name;
