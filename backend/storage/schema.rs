//! The tables, as diesel sees them. Generated columns that only constraints and indexes need are left out.

diesel::table! {
    accounts (id) {
        id -> Uuid,
        realm -> Text,
        role -> Text,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        active -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        account_id -> Uuid,
        generation -> Int4,
        advanced_at -> Timestamptz,
        user_agent -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Uuid,
        account_id -> Uuid,
        name -> Text,
        hash -> Bytea,
        last_four -> Text,
        scopes -> Array<Text>,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    invitations (id) {
        id -> Uuid,
        token_hash -> Bytea,
        role -> Text,
        note -> Nullable<Text>,
        invited_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        used_by -> Nullable<Uuid>,
        withdrawn_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    idempotency_keys (account_id, key) {
        account_id -> Uuid,
        key -> Text,
        fingerprint -> Bytea,
        status -> Int2,
        headers -> Jsonb,
        body -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    orders (id) {
        id -> Text,
        owner_id -> Uuid,
        status -> Text,
        open -> Bool,
        cancelled -> Bool,
        reason -> Nullable<Text>,
        version -> Int4,
        public_version -> Int4,
        moved_version -> Nullable<Int4>,
        moved_by -> Nullable<Uuid>,
        moved_at -> Nullable<Timestamptz>,
        moved_from -> Nullable<Text>,
        moved_from_reason -> Nullable<Text>,
        title -> Text,
        description -> Nullable<Text>,
        reference -> Nullable<Text>,
        recipient_name -> Nullable<Text>,
        recipient_phone -> Nullable<Text>,
        pickup_address -> Nullable<Text>,
        delivery_address -> Nullable<Text>,
        metadata -> Jsonb,
        public_tracking -> Bool,
        assignee_id -> Nullable<Uuid>,
        due_at -> Nullable<Timestamptz>,
        estimated_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        completed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    order_events (order_id, version) {
        seq -> Int8,
        order_id -> Text,
        version -> Int4,
        #[sql_name = "type"]
        kind -> Text,
        public -> Bool,
        previous_public_version -> Nullable<Int4>,
        status -> Text,
        reason -> Nullable<Text>,
        message -> Nullable<Text>,
        note -> Nullable<Text>,
        location -> Nullable<Text>,
        estimated_at -> Nullable<Timestamptz>,
        assignee_id -> Nullable<Uuid>,
        assignee_name -> Nullable<Text>,
        changed -> Text,
        undoes -> Nullable<Int4>,
        actor_id -> Uuid,
        actor_role -> Text,
        actor_name -> Text,
        occurred_at -> Timestamptz,
        recorded_at -> Timestamptz,
        owner_id -> Uuid,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Uuid,
        account_id -> Uuid,
        owner_id -> Nullable<Uuid>,
        url -> Text,
        event_types -> Array<Text>,
        description -> Nullable<Text>,
        secret -> Bytea,
        active -> Bool,
        disabled_reason -> Nullable<Text>,
        disabled_at -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
        paused_until -> Nullable<Timestamptz>,
        leased_by -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    replaced_webhook_secrets (webhook_id, number) {
        webhook_id -> Uuid,
        number -> Int8,
        secret -> Bytea,
        signs_until -> Timestamptz,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Uuid,
        webhook_id -> Uuid,
        number -> Int8,
        order_id -> Nullable<Text>,
        version -> Nullable<Int4>,
        created_at -> Timestamptz,
        attempts -> Int2,
        due_at -> Nullable<Timestamptz>,
        succeeded_at -> Nullable<Timestamptz>,
        asked_again -> Int4,
    }
}

diesel::table! {
    webhook_attempts (delivery_id, started_at) {
        delivery_id -> Uuid,
        started_at -> Timestamptz,
        status -> Nullable<Int2>,
        error -> Nullable<Text>,
        duration_ms -> Int4,
        response -> Nullable<Text>,
    }
}

diesel::joinable!(sessions -> accounts (account_id));
diesel::joinable!(api_keys -> accounts (account_id));
diesel::joinable!(order_events -> orders (order_id));
diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    sessions,
    api_keys,
    invitations,
    orders,
    order_events,
    webhooks,
    replaced_webhook_secrets,
    webhook_deliveries,
    webhook_attempts
);

diesel::define_sql_function! {
    /// Postgres' own, for what is compared without regard to case.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}
