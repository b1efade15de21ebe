CREATE TABLE accounts (
    id            uuid PRIMARY KEY,
    realm         text NOT NULL,
    role          text NOT NULL,
    email         text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    name          text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    password_hash text NOT NULL CHECK (char_length(password_hash) = 60),
    active        boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
    CONSTRAINT accounts_role_check CHECK (
        (realm = 'users' AND role = 'user') OR (realm = 'movers' AND role IN ('mover', 'admin'))
    ),
    -- What foreign keys that need an account of one realm refer to.
    CONSTRAINT accounts_id_realm_key UNIQUE (id, realm)
);
CREATE UNIQUE INDEX accounts_email_key ON accounts (realm, lower(email));
CREATE INDEX accounts_movers_idx ON accounts (id) WHERE realm = 'movers';

CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- Number of the newest refresh token that was handed out.
    generation   integer NOT NULL DEFAULT 1 CHECK (generation >= 1),
    -- When the newest token was handed out for the first time.
    advanced_at  timestamptz NOT NULL,
    user_agent   text CHECK (char_length(user_agent) <= 300),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
    ended_at     timestamptz
);
CREATE INDEX sessions_account_idx ON sessions (account_id, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended_idx ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expired_idx ON sessions (expires_at) WHERE ended_at IS NULL;

CREATE TABLE invitations (
    id           uuid PRIMARY KEY,
    token_hash   bytea NOT NULL CONSTRAINT invitations_token_key UNIQUE CHECK (octet_length(token_hash) = 32),
    role         text NOT NULL CHECK (role IN ('mover', 'admin')),
    note         text CHECK (char_length(note) BETWEEN 1 AND 1000),
    -- Null: made on the command line.
    invited_by   uuid REFERENCES accounts (id),
    created_at   timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    used_by      uuid REFERENCES accounts (id),
    withdrawn_at timestamptz,
    CHECK ((used_at IS NULL) = (used_by IS NULL)),
    CHECK (used_at IS NULL OR withdrawn_at IS NULL)
);
CREATE INDEX invitations_inviter_idx ON invitations (invited_by) WHERE used_at IS NULL AND withdrawn_at IS NULL;
