CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE orders (
    id                text PRIMARY KEY CHECK (id ~ '^[0-9A-HJKMNP-TV-Z]{10}$'),
    owner_id          uuid NOT NULL,
    owner_realm       text NOT NULL GENERATED ALWAYS AS ('users') STORED,
    status            text NOT NULL
                      CHECK (status IN ('created', 'started', 'in_progress', 'on_hold', 'completed', 'cancelled')),
    -- Indexes look at these two and never at the status itself: an index on what a move changes would stop
    -- heap-only updates.
    open              boolean NOT NULL GENERATED ALWAYS AS (status NOT IN ('completed', 'cancelled')) STORED,
    cancelled         boolean NOT NULL GENERATED ALWAYS AS (status = 'cancelled') STORED,
    reason            text CHECK (reason IN ('recipient_absent', 'refused', 'address_problem', 'damaged', 'lost', 'delayed',
                                             'awaiting_payment', 'by_request', 'other')),
    version           integer NOT NULL CHECK (version >= 1),
    public_version    integer NOT NULL,
    -- The newest move, which may be taken back: its version, who made it, when, and what stood before it.
    moved_version     integer,
    moved_by          uuid REFERENCES accounts (id),
    moved_at          timestamptz,
    moved_from        text CHECK (moved_from IN ('created', 'started', 'in_progress', 'on_hold', 'completed', 'cancelled')),
    moved_from_reason text CHECK (moved_from_reason IN ('recipient_absent', 'refused', 'address_problem', 'damaged', 'lost',
                                                        'delayed', 'awaiting_payment', 'by_request', 'other')),
    title             text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 120),
    description       text CHECK (char_length(description) BETWEEN 1 AND 2000),
    reference         text CHECK (char_length(reference) BETWEEN 1 AND 64),
    recipient_name    text CHECK (char_length(recipient_name) BETWEEN 1 AND 100),
    recipient_phone   text CHECK (char_length(recipient_phone) BETWEEN 1 AND 40),
    pickup_address    text CHECK (char_length(pickup_address) BETWEEN 1 AND 300),
    delivery_address  text CHECK (char_length(delivery_address) BETWEEN 1 AND 300),
    metadata          jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    public_tracking   boolean NOT NULL DEFAULT true,
    assignee_id       uuid,
    assignee_realm    text NOT NULL GENERATED ALWAYS AS ('movers') STORED,
    due_at            timestamptz,
    estimated_at      timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    completed_at      timestamptz,
    CONSTRAINT orders_owner_fkey FOREIGN KEY (owner_id, owner_realm) REFERENCES accounts (id, realm),
    CONSTRAINT orders_assignee_fkey FOREIGN KEY (assignee_id, assignee_realm) REFERENCES accounts (id, realm),
    CONSTRAINT orders_public_version_check CHECK (public_version BETWEEN 1 AND version),
    CONSTRAINT orders_reason_status_check CHECK ((status IN ('on_hold', 'cancelled')) = (reason IS NOT NULL)),
    CONSTRAINT orders_completed_check CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT orders_times_check CHECK (updated_at >= created_at),
    CONSTRAINT orders_moved_check CHECK (
        (status = 'created' OR moved_version IS NOT NULL)
        AND (moved_version IS NULL) = (moved_by IS NULL)
        AND (moved_version IS NULL) = (moved_at IS NULL)
        AND (moved_version IS NULL) = (moved_from IS NULL)
        AND (moved_version IS NULL OR moved_version BETWEEN 2 AND version)
        AND (moved_from_reason IS NOT NULL) = (COALESCE(moved_from, '') IN ('on_hold', 'cancelled'))
    )
) WITH (fillfactor = 85);

CREATE UNIQUE INDEX orders_reference_key ON orders (owner_id, reference) WHERE reference IS NOT NULL AND NOT cancelled;
CREATE INDEX orders_reference_idx ON orders (reference text_pattern_ops) WHERE reference IS NOT NULL;

-- Sorts orders without a due time last, in a form that a keyset can go on from.
CREATE FUNCTION order_due(due_at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE(due_at, 'infinity'::timestamptz);

-- One index for each way in which a list is sorted, for a user's own orders and for all of them.
CREATE INDEX orders_owner_created_idx ON orders (owner_id, created_at DESC, id DESC);
CREATE INDEX orders_owner_due_idx ON orders (owner_id, order_due(due_at), id);
CREATE INDEX orders_created_idx ON orders (created_at DESC, id DESC);
CREATE INDEX orders_due_idx ON orders (order_due(due_at), id);
CREATE INDEX orders_open_created_idx ON orders (created_at DESC, id DESC) WHERE open;
CREATE INDEX orders_open_due_idx ON orders (order_due(due_at), id) WHERE open;
CREATE INDEX orders_assignee_created_idx ON orders (assignee_id, created_at DESC, id DESC) WHERE assignee_id IS NOT NULL;
CREATE INDEX orders_unassigned_created_idx ON orders (created_at DESC, id DESC) WHERE assignee_id IS NULL AND open;

-- What `q` looks in. A function of its own, so that the index and the queries cannot come to differ.
CREATE FUNCTION order_search_text(title text, reference text, recipient text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower(title || E'\n' || COALESCE(reference, '') || E'\n' || COALESCE(recipient, ''));
CREATE INDEX orders_search_idx ON orders
    USING gin (order_search_text(title, reference, recipient_name) gin_trgm_ops);

-- A CHECK would be asked at each move, too; this only when metadata is written.
CREATE FUNCTION check_order_metadata() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) > 20
            OR bool_or(char_length(key) NOT BETWEEN 1 AND 40)
            OR bool_or(jsonb_typeof(value) <> 'string')
            OR bool_or(char_length(value #>> '{}') > 200)
        FROM jsonb_each(NEW.metadata)) THEN
        RAISE check_violation USING
            CONSTRAINT = 'orders_metadata_check', TABLE = 'orders',
            MESSAGE = 'metadata is at most 20 strings of at most 200 characters, with keys of 1 to 40';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER orders_metadata_check BEFORE INSERT OR UPDATE OF metadata ON orders
    FOR EACH ROW WHEN (jsonb_typeof(NEW.metadata) = 'object' AND NEW.metadata <> '{}')
    EXECUTE FUNCTION check_order_metadata();

CREATE TABLE order_events (
    seq                     bigint GENERATED ALWAYS AS IDENTITY,
    order_id                text NOT NULL REFERENCES orders (id),
    version                 integer NOT NULL CHECK (version >= 1),
    type                    text NOT NULL CHECK (type IN ('order.created', 'order.status_changed', 'order.noted',
                                                          'order.details_changed', 'order.assignee_changed')),
    public                  boolean NOT NULL,
    previous_public_version integer,
    status                  text NOT NULL
                            CHECK (status IN ('created', 'started', 'in_progress', 'on_hold', 'completed', 'cancelled')),
    reason                  text CHECK (reason IN ('recipient_absent', 'refused', 'address_problem', 'damaged', 'lost',
                                                   'delayed', 'awaiting_payment', 'by_request', 'other')),
    message                 text CHECK (char_length(message) BETWEEN 1 AND 1000),
    note                    text CHECK (char_length(note) BETWEEN 1 AND 1000),
    location                text CHECK (char_length(location) BETWEEN 1 AND 120),
    estimated_at            timestamptz,
    assignee_id             uuid REFERENCES accounts (id),
    assignee_name           text,
    -- Names of the changed details, separated by commas: an array of arrays cannot be unnested in one insert.
    changed                 text NOT NULL DEFAULT '',
    undoes                  integer,
    actor_id                uuid NOT NULL REFERENCES accounts (id),
    actor_role              text NOT NULL CHECK (actor_role IN ('user', 'mover', 'admin')),
    actor_name              text NOT NULL,
    occurred_at             timestamptz NOT NULL,
    recorded_at             timestamptz NOT NULL,
    PRIMARY KEY (order_id, version),
    CONSTRAINT order_events_first_check CHECK ((version = 1) = (type = 'order.created')),
    CONSTRAINT order_events_previous_check CHECK (
        (version = 1) = (previous_public_version IS NULL) AND previous_public_version BETWEEN 1 AND version - 1
    ),
    CONSTRAINT order_events_public_check CHECK (
        public = (type IN ('order.created', 'order.status_changed')
                  OR (type = 'order.noted' AND (message IS NOT NULL OR location IS NOT NULL OR public)))
    ),
    CONSTRAINT order_events_reason_status_check CHECK (
        (reason IS NOT NULL) = (type = 'order.status_changed' AND status IN ('on_hold', 'cancelled'))
    ),
    CONSTRAINT order_events_undoes_check CHECK (undoes IS NULL OR (type = 'order.status_changed' AND undoes < version)),
    CONSTRAINT order_events_assignee_check CHECK ((assignee_id IS NULL) = (assignee_name IS NULL)),
    CONSTRAINT order_events_changed_check CHECK ((changed <> '') = (type = 'order.details_changed'))
);
-- The feed: all events in one sequence.
CREATE UNIQUE INDEX order_events_seq_key ON order_events (seq);
