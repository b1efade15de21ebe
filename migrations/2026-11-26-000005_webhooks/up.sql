CREATE TABLE webhooks (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- Null: of everybody's orders, which only admins see.
    owner_id        uuid REFERENCES accounts (id) ON DELETE CASCADE CHECK (owner_id = account_id),
    url             text NOT NULL CHECK (char_length(url) BETWEEN 8 AND 2000),
    -- Empty: all of them.
    event_types     text[] NOT NULL CHECK (
        event_types <@ ARRAY['order.created', 'order.status_changed', 'order.noted', 'order.details_changed',
                             'order.assignee_changed']
    ),
    description     text CHECK (char_length(description) BETWEEN 1 AND 1000),
    -- What signs; a signature needs the secret itself.
    secret          bytea NOT NULL CHECK (octet_length(secret) = 32),
    previous_secret bytea CHECK (octet_length(previous_secret) = 32),
    -- Until then the previous one signs, too.
    previous_until  timestamptz,
    active          boolean NOT NULL DEFAULT true,
    -- Why it was switched off by itself.
    disabled_reason text CHECK (disabled_reason IN ('failing', 'gone')),
    disabled_at     timestamptz,
    -- Since when nothing has succeeded.
    failing_since   timestamptz,
    -- Before then nothing is sent: the receiver has asked for a pause.
    paused_until    timestamptz,
    -- Which replica sends, and until when nobody else does.
    leased_by       uuid,
    leased_until    timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
    CHECK ((disabled_reason IS NULL) = (disabled_at IS NULL)),
    CHECK (disabled_reason IS NULL OR NOT active),
    CHECK ((leased_by IS NULL) = (leased_until IS NULL))
);
CREATE INDEX webhooks_account_idx ON webhooks (account_id, id);
-- Whom an event is told to: its owner's, and those of all.
CREATE INDEX webhooks_owner_idx ON webhooks (owner_id) WHERE active;

-- One message to one endpoint: an event, or a test that has none. The ID is the message's at each attempt.
CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    webhook_id      uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    -- The order of the deliveries of an endpoint.
    number          bigint GENERATED ALWAYS AS IDENTITY,
    order_id        text,
    version         integer,
    created_at      timestamptz NOT NULL,
    -- How many of the attempts that the schedule has were made; resending begins anew.
    attempts        smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Not before then; null: nothing more is to be done.
    due_at          timestamptz,
    -- Null: not yet, or never.
    succeeded_at    timestamptz,
    CHECK ((order_id IS NULL) = (version IS NULL)),
    CONSTRAINT webhook_deliveries_event_key UNIQUE (webhook_id, order_id, version)
);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (webhook_id, due_at, number) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_failed_idx ON webhook_deliveries (webhook_id, number) WHERE due_at IS NULL AND succeeded_at IS NULL;
CREATE INDEX webhook_deliveries_log_idx ON webhook_deliveries (webhook_id, number);
CREATE INDEX webhook_deliveries_created_idx ON webhook_deliveries USING brin (created_at) WITH (pages_per_range = 32);

CREATE TABLE webhook_attempts (
    delivery_id uuid NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    started_at  timestamptz NOT NULL,
    -- Null where there was no answer.
    status      smallint CHECK (status BETWEEN 100 AND 999),
    -- Why there was none.
    error       text CHECK (char_length(error) <= 300),
    duration_ms integer NOT NULL CHECK (duration_ms >= 0),
    -- The first KiB of the answer.
    response    text,
    CHECK ((status IS NULL) = (error IS NOT NULL))
);
CREATE INDEX webhook_attempts_delivery_idx ON webhook_attempts (delivery_id, started_at);

-- A delivery is written in the event's own transaction, whoever writes the event.
CREATE FUNCTION tell_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Mostly there is none.
    IF NOT EXISTS (SELECT FROM webhooks WHERE active) THEN
        RETURN NULL;
    END IF;
    INSERT INTO webhook_deliveries (id, webhook_id, order_id, version, created_at, due_at)
    SELECT gen_random_uuid(), webhook.id, event.order_id, event.version, event.recorded_at, event.recorded_at
    FROM written AS event
    JOIN webhooks AS webhook ON webhook.active AND (webhook.owner_id = event.owner_id OR webhook.owner_id IS NULL)
        AND (webhook.event_types = '{}' OR event.type = ANY (webhook.event_types))
    JOIN accounts AS account ON account.id = webhook.account_id AND account.active
        AND (webhook.owner_id IS NOT NULL OR account.role = 'admin')
    ORDER BY event.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER order_events_tell_webhooks AFTER INSERT ON order_events REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION tell_webhooks();
