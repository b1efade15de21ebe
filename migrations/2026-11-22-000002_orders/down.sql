DROP TABLE order_events;
DROP TABLE orders;
DROP FUNCTION check_order_metadata;
DROP FUNCTION order_search_text;
DROP FUNCTION order_due;
-- pg_trgm stays: it may have been there before.
