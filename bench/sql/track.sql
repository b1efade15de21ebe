\set id 1000000000 + random(0, :orders - 1) * 6364136227 % 9000000000
SELECT o.version, o.public_tracking, o.created_at, o.due_at, o.estimated_at, o.completed_at, e.recorded_at,
    e.version, e.previous_public_version, e.type, e.status, e.reason, e.message, e.location, e.estimated_at, e.occurred_at
FROM order_events e JOIN orders o ON o.id = e.order_id
WHERE o.id = :id AND e.order_id = :id AND e.public ORDER BY e.version DESC LIMIT 500;
