CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    -- SHA-256 of the key, which nobody can read out of it again: it has 256 bits of chance, so nothing slower is needed.
    hash         bytea NOT NULL CONSTRAINT api_keys_hash_key UNIQUE CHECK (octet_length(hash) = 32),
    last_four    text NOT NULL CHECK (char_length(last_four) = 4),
    scopes       text[] NOT NULL CHECK (
        cardinality(scopes) BETWEEN 1 AND 4
        AND scopes <@ ARRAY['orders:read', 'orders:write', 'events:write', 'webhooks:manage']
    ),
    created_at   timestamptz NOT NULL,
    -- Within a minute.
    last_used_at timestamptz,
    expires_at   timestamptz
);
CREATE INDEX api_keys_account_idx ON api_keys (account_id, id);
