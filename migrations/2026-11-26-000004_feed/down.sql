DROP INDEX order_events_recorded_idx;
DROP INDEX order_events_owner_idx;
ALTER TABLE order_events DROP COLUMN owner_id;
