-- Whose order it is, which never changes: an owner reads the feed of their own orders, in the order of its numbers.
ALTER TABLE order_events ADD COLUMN owner_id uuid;
UPDATE order_events SET owner_id = orders.owner_id FROM orders WHERE orders.id = order_events.order_id;
ALTER TABLE order_events ALTER COLUMN owner_id SET NOT NULL;
CREATE INDEX order_events_owner_idx ON order_events (owner_id, seq);
-- What has changed since some time: the log is in the order of its time, for which a few kilobytes are enough.
CREATE INDEX order_events_recorded_idx ON order_events USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);
