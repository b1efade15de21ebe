DROP TABLE order_events;
DROP TABLE orders;
DROP FUNCTION order_search_text;
DROP EXTENSION pg_trgm;
