DROP INDEX orders_search_idx;
CREATE INDEX orders_search_idx ON orders
    USING gin (order_search_text(title, reference, recipient_name) gin_trgm_ops)
    WITH (gin_pending_list_limit = 1024);
ALTER INDEX orders_search_idx ALTER COLUMN 1 SET STATISTICS 500;
DROP FUNCTION order_search_key;
DROP FUNCTION order_marks;
DROP FUNCTION order_person;
DROP FUNCTION order_hour;
