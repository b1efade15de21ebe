ALTER TABLE webhook_deliveries DROP COLUMN asked_again;
ALTER TABLE webhooks
    ADD COLUMN previous_secret bytea CHECK (octet_length(previous_secret) = 32),
    ADD COLUMN previous_until timestamptz,
    ADD CHECK ((previous_secret IS NULL) = (previous_until IS NULL));
UPDATE webhooks SET previous_secret = newest.secret, previous_until = newest.signs_until
FROM (SELECT DISTINCT ON (webhook_id) * FROM replaced_webhook_secrets ORDER BY webhook_id, number DESC) AS newest
WHERE webhooks.id = newest.webhook_id;
DROP TABLE replaced_webhook_secrets;
