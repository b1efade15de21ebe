-- Secrets that were replaced and sign, too, for a day: more than one, where the answer with a new one was lost.
CREATE TABLE replaced_webhook_secrets (
    webhook_id  uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    secret      bytea NOT NULL CHECK (octet_length(secret) = 32),
    signs_until timestamptz NOT NULL,
    PRIMARY KEY (webhook_id, number)
);
INSERT INTO replaced_webhook_secrets (webhook_id, secret, signs_until)
SELECT id, previous_secret, previous_until FROM webhooks WHERE previous_until > now();
ALTER TABLE webhooks DROP COLUMN previous_secret, DROP COLUMN previous_until;

-- How often its owner has asked for it again: what is under way then does not settle that.
ALTER TABLE webhook_deliveries ADD COLUMN asked_again integer NOT NULL DEFAULT 0;
