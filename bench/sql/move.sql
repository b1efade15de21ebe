-- The odd ones of the orders that can be moved: the even ones are the server's. 4 of each 10 orders can be.
\set m random(0, :orders / 5 - 1) * 2 + 1
\set n :m / 4 * 10 + 5 + :m % 4
\set id 1000000000 + :n * 6364136227 % 9000000000
\set who random(0, 9)
WITH moved AS (
    UPDATE orders SET status = 'in_progress', reason = NULL, version = version + 1, public_version = version + 1,
        moved_version = version + 1, moved_by = ('02000000-0000-7000-8000-00000000000' || :who::text)::uuid, moved_at = clock_timestamp(), moved_from = status,
        moved_from_reason = reason, updated_at = clock_timestamp()
    WHERE id = :id RETURNING id, version, moved_by, updated_at, owner_id)
INSERT INTO order_events (order_id, version, type, public, previous_public_version, status, actor_id, actor_role,
    actor_name, occurred_at, recorded_at, owner_id)
SELECT id, version, 'order.status_changed', true, version - 1, 'in_progress', moved_by, 'mover', 'Mover 0', updated_at, updated_at, owner_id
FROM moved;
