-- One row for all clients.
\set who random(0, 9)
WITH noted AS (
    UPDATE orders SET version = version + 1, public_version = version + 1, updated_at = clock_timestamp()
    WHERE id = :id RETURNING id, version, status, updated_at, owner_id)
INSERT INTO order_events (order_id, version, type, public, previous_public_version, status, location, actor_id, actor_role,
    actor_name, occurred_at, recorded_at, owner_id)
SELECT id, version, 'order.noted', true, version - 1, status, 'Lisbon', ('02000000-0000-7000-8000-00000000000' || :who::text)::uuid, 'mover', 'Mover 0', updated_at, updated_at, owner_id
FROM noted;
