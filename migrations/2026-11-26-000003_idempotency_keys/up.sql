-- What was answered to a write that came with an Idempotency-Key, in the transaction of that write.
CREATE TABLE idempotency_keys (
    account_id  uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key         text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    -- SHA-256 of method, path, query and body.
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    status      smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
    -- Of the answer, by name.
    headers     jsonb NOT NULL,
    body        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys USING brin (created_at) WITH (pages_per_range = 16);
