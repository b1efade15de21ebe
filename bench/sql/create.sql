\set who random(1, 64)
WITH created AS (
    INSERT INTO orders (id, owner_id, status, version, public_version, title, recipient_name, pickup_address,
        delivery_address, created_at, updated_at)
    VALUES (upper(substr(md5(random()::text || clock_timestamp()), 1, 10)), ('01000000-0000-7000-8000-' || lpad(to_hex(:who::int), 12, '0'))::uuid,
        'created', 1, 1,
        'Sofa, three seats', 'Ana Lima', '1 Dock Road', '2 Hill Street', clock_timestamp(), clock_timestamp())
    RETURNING id, owner_id, created_at)
INSERT INTO order_events (order_id, version, type, public, status, actor_id, actor_role, actor_name, occurred_at, recorded_at, owner_id)
SELECT id, 1, 'order.created', true, 'created', owner_id, 'user', 'Owner 0', created_at, created_at, owner_id FROM created;
