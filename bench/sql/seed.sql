-- Orders and their events as if they had been written by the server: psql variables orders and owners. Runs as a
-- superuser in an empty, migrated database. The IDs are digits only, so that pgbench can make them from a number:
-- 1000000000 + number * 6364136227 % 9000000000, which scatters them as random ones would be.
\set ON_ERROR_STOP on
BEGIN;
-- No foreign key is looked up five million times; the rows are right by construction.
SET LOCAL session_replication_role = replica;
SET LOCAL synchronous_commit = off;

-- The password's hash comes from an account that the server made.
CREATE TEMPORARY TABLE password AS SELECT password_hash FROM accounts LIMIT 1;
CREATE FUNCTION pg_temp.account(kind int, number int) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN
    ('0' || kind || '000000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid;
INSERT INTO accounts (id, realm, role, email, name, password_hash)
SELECT pg_temp.account(1, n), 'users', 'user', 'owner' || n || '@bench.example', 'Owner ' || n, password_hash
FROM generate_series(0, :owners - 1) n, password;
INSERT INTO accounts (id, realm, role, email, name, password_hash)
SELECT pg_temp.account(2, n), 'movers', 'mover', 'mover' || n || '@bench.example', 'Mover ' || n, password_hash
FROM generate_series(0, 9) n, password;

-- Built at once when all is there.
CREATE TEMPORARY TABLE later AS
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index
WHERE indrelid IN ('orders'::regclass, 'order_events'::regclass)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid);
SELECT 'DROP INDEX ' || name FROM later \gexec

-- Of ten orders, four are on hold, five completed and one was cancelled. The first owner has every twentieth.
INSERT INTO orders (id, owner_id, status, reason, version, public_version, moved_version, moved_by, moved_at, moved_from,
    title, description, reference, recipient_name, recipient_phone, pickup_address, delivery_address, metadata,
    due_at, created_at, updated_at, completed_at)
SELECT (1000000000 + n::bigint * 6364136227 % 9000000000)::text,
    pg_temp.account(1, CASE WHEN n % 20 = 0 THEN 0 ELSE 1 + (n::bigint * 7 % (:owners - 1))::int END),
    status, CASE status WHEN 'on_hold' THEN 'delayed' WHEN 'cancelled' THEN 'by_request' END,
    4, 4, 4, pg_temp.account(2, n % 10), created_at + interval '3 hours', 'in_progress',
    adjective || ' ' || thing || ', ' || (n % 7 + 1) || ' pieces',
    CASE WHEN n % 2 = 0 THEN 'Third floor, no lift; ring twice and wait for an answer.' END,
    'PO-' || n, first_name || ' ' || last_name, NULL, (n % 300 + 1) || ' Dock Road', (n % 900 + 1) || ' Hill Street',
    CASE WHEN n % 3 = 0 THEN '{"floor": "3"}' ELSE '{}' END::jsonb,
    CASE WHEN n % 4 = 0 THEN created_at + interval '7 days' END,
    created_at, created_at + interval '3 hours', CASE status WHEN 'completed' THEN created_at + interval '3 hours' END
FROM generate_series(0, :orders - 1) n,
LATERAL (SELECT
    CASE WHEN n % 10 < 5 THEN 'completed' WHEN n % 10 < 9 THEN 'on_hold' ELSE 'cancelled' END AS status,
    date_trunc('milliseconds', now() - interval '1 day' - (:orders - n) * (interval '364 days' / :orders)) AS created_at,
    (ARRAY['Red','Blue','Green','Large','Small','Old','New','Round','Square','Heavy','Light','Wooden','Steel','Glass',
        'Leather','Folding'])[(hashint4(n) & 15) + 1] AS adjective,
    (ARRAY['sofa','table','chair','lamp','shelf','mirror','carpet','cupboard','bed','mattress','desk','bench','stool',
        'wardrobe','dresser','bookcase','armchair','curtain','oven','fridge','washer','dryer','piano','bicycle','ladder',
        'toolbox','printer','monitor','speaker','guitar','kettle','toaster'])[(hashint4(n + 1000003) & 31) + 1] AS thing,
    (ARRAY['Ana','Uma','Max','Ida','Leo','Eva','Tom','Mia','Jan','Zoe','Ben','Lea','Sam','Amy','Kai','Noa','Rui','Ivo',
        'Pia','Gil','Ada','Hugo','Nina','Omar','Vera','Luis','Olga','Paul','Rosa','Timo','Yara','Finn'])
        [(hashint4(n + 2000003) & 31) + 1] AS first_name,
    (ARRAY['Lima','Rao','Stone','Silva','Costa','Weber','Novak','Rossi','Moreau','Jansen','Larsen','Kowalski','Garcia',
        'Fischer','Dubois','Santos','Murphy','Horvat','Popescu','Nielsen','Virtanen','Petrov','Tanaka','Kim','Okafor',
        'Mensah','Haddad','Cohen','Singh','Chen','Nguyen','Walker'])[(hashint4(n + 3000017) & 31) + 1] AS last_name
) AS x;

INSERT INTO order_events (order_id, version, type, public, previous_public_version, status, reason, message, location,
    actor_id, actor_role, actor_name, changed, occurred_at, recorded_at, owner_id)
SELECT o.id, v, CASE v WHEN 1 THEN 'order.created' ELSE 'order.status_changed' END, true, nullif(v - 1, 0),
    CASE v WHEN 1 THEN 'created' WHEN 2 THEN 'started' WHEN 3 THEN 'in_progress' ELSE o.status END,
    CASE v WHEN 4 THEN o.reason END,
    CASE v WHEN 3 THEN 'On its way to you' END, CASE v WHEN 3 THEN 'Lisbon' END,
    CASE v WHEN 1 THEN o.owner_id ELSE o.moved_by END, CASE v WHEN 1 THEN 'user' ELSE 'mover' END,
    CASE v WHEN 1 THEN 'Owner' ELSE 'Mover' END, '',
    o.created_at + (v - 1) * interval '1 hour', o.created_at + (v - 1) * interval '1 hour', o.owner_id
FROM (SELECT * FROM orders ORDER BY created_at) o CROSS JOIN generate_series(1, 4) v;

SELECT definition FROM later \gexec
COMMIT;
VACUUM ANALYZE;
CHECKPOINT;
