//! Migrations: up, down, up; several at once; and what their constraints refuse.

use diesel::prelude::*;
use order_tracker::storage::migrations;

use crate::support::{Database, TestApp, database, json};

#[test]
fn up_down_and_up_again() {
    let database = Database::empty();
    let mut connection = database.connect();
    let before = schema(&database);
    migrations::run(&mut connection).unwrap();
    assert!(migrations::is_current(&mut connection).unwrap());
    let migrated = schema(&database);
    assert_ne!(before, migrated);
    // Nothing to do is done quietly.
    migrations::run(&mut connection).unwrap();
    migrations::revert_all(&mut connection).unwrap();
    assert!(!migrations::is_current(&mut connection).unwrap());
    assert_eq!(schema(&database), before, "the way down leaves nothing behind");
    migrations::run(&mut connection).unwrap();
    assert_eq!(schema(&database), migrated);
}

/// Everything that somebody made in this database, but for what remembers the migrations.
fn schema(database: &Database) -> String {
    let query = "SELECT string_agg(line, E'\n' ORDER BY line) FROM ( \
         SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || COALESCE(column_default, '') || COALESCE(generation_expression, '') \
           FROM information_schema.columns WHERE table_schema = 'public' \
         UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) \
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
         UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' \
         UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
           AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') \
         UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal \
         UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd') \
         ) lines (line) WHERE line NOT LIKE '%__diesel_schema_migrations%'";
    database.value(query).unwrap_or_default()
}

#[tokio::test]
async fn replicas_that_start_at_once_on_an_empty_database_all_serve() {
    for _ in 0..2 {
        let database = Database::empty();
        let starts = (0..3).map(|_| TestApp::start_on(database.shared(), |_| {}));
        let apps = futures_util::future::join_all(starts).await;
        for app in &apps {
            app.page("/readyz").await.expect(200);
        }
        let uma = apps[0].user("Uma").await;
        uma.create_order("Sofa").await;
    }
}

/// A server never runs on tables that are older than it.
#[tokio::test]
async fn a_reverted_database_is_not_ready() {
    let app = TestApp::start().await;
    migrations::revert_all(&mut app.database.connect()).unwrap();
    app.page("/readyz").await.refused(503, "database_unavailable");
    app.database.run("DROP TABLE __diesel_schema_migrations");
    app.page("/readyz").await.refused(503, "database_unavailable");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(app.database.number(tables), 0, "asking makes no table");
    app.page("/livez").await.expect(200);
}

/// Wrong data can't be written, whatever writes it.
#[tokio::test]
async fn constraints_refuse_wrong_data() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let second = uma.create_order("Bed").await;
    max.moves(&order, "started").await;
    max.adds(&order, json!({"message": "Soon"})).await;
    let (id, other, uma, max) = (&order.id, &second.id, &uma.id, &max.id);
    let event = |columns: &str, values: &str| {
        format!(
            "INSERT INTO order_events (order_id, version, type, public, previous_public_version, status, actor_id, actor_role, actor_name, \
             occurred_at, recorded_at, owner_id{columns}) VALUES ({values})"
        )
    };
    let tail = format!("'{max}', 'mover', 'Max', now(), now(), '{uma}'");
    let statements = [
        // Accounts
        format!("UPDATE accounts SET realm = 'movers' WHERE id = '{uma}'"),
        format!("UPDATE accounts SET role = 'admin' WHERE id = '{uma}'"),
        format!("UPDATE accounts SET role = 'user' WHERE id = '{max}'"),
        format!("UPDATE accounts SET email = 'x' WHERE id = '{uma}'"),
        format!("UPDATE accounts SET name = '' WHERE id = '{uma}'"),
        format!("UPDATE accounts SET password_hash = 'plain' WHERE id = '{uma}'"),
        format!("INSERT INTO accounts (id, realm, role, email, name, password_hash) SELECT gen_random_uuid(), realm, role, upper(email), name, password_hash FROM accounts WHERE id = '{uma}'"),
        format!("DELETE FROM accounts WHERE id = '{uma}'"),
        // Sessions and invitations
        "UPDATE sessions SET expires_at = created_at".to_owned(),
        "UPDATE sessions SET generation = 0".to_owned(),
        "INSERT INTO invitations (id, token_hash, role, expires_at) VALUES (gen_random_uuid(), 'short', 'mover', now())".to_owned(),
        "INSERT INTO invitations (id, token_hash, role, expires_at) VALUES (gen_random_uuid(), sha256('x'), 'user', now())".to_owned(),
        "INSERT INTO invitations (id, token_hash, role, expires_at, used_at) VALUES (gen_random_uuid(), sha256('x'), 'mover', now(), now())".to_owned(),
        // Orders
        format!("UPDATE orders SET id = '7K3M9Q2XTU' WHERE id = '{other}'"),
        format!("UPDATE orders SET id = '7k3m9q2xtb' WHERE id = '{other}'"),
        format!("UPDATE orders SET status = 'moving' WHERE id = '{other}'"),
        format!("UPDATE orders SET owner_id = '{max}' WHERE id = '{other}'"),
        format!("UPDATE orders SET assignee_id = '{uma}' WHERE id = '{other}'"),
        format!("UPDATE orders SET reason = 'lost' WHERE id = '{other}'"),
        format!("UPDATE orders SET status = 'started' WHERE id = '{other}'"),
        format!("UPDATE orders SET status = 'on_hold', moved_version = 2, moved_by = '{max}', moved_at = now(), moved_from = 'created', version = 2 WHERE id = '{other}'"),
        format!("UPDATE orders SET completed_at = now() WHERE id = '{other}'"),
        format!("UPDATE orders SET version = 0 WHERE id = '{other}'"),
        format!("UPDATE orders SET public_version = 2 WHERE id = '{other}'"),
        format!("UPDATE orders SET public_version = 0 WHERE id = '{other}'"),
        format!("UPDATE orders SET updated_at = created_at - interval '1 second' WHERE id = '{other}'"),
        format!("UPDATE orders SET title = '' WHERE id = '{other}'"),
        format!("UPDATE orders SET title = repeat('x', 121) WHERE id = '{other}'"),
        format!("UPDATE orders SET description = repeat('x', 2001) WHERE id = '{other}'"),
        format!("UPDATE orders SET metadata = '[]' WHERE id = '{other}'"),
        format!("UPDATE orders SET metadata = '{{\"floor\": 3}}' WHERE id = '{other}'"),
        format!("UPDATE orders SET metadata = '{{\"\": \"x\"}}' WHERE id = '{other}'"),
        format!("UPDATE orders SET metadata = jsonb_build_object(repeat('k', 41), 'x') WHERE id = '{other}'"),
        format!("UPDATE orders SET metadata = jsonb_build_object('k', repeat('x', 201)) WHERE id = '{other}'"),
        format!("UPDATE orders SET metadata = (SELECT jsonb_object_agg(n::text, 'x') FROM generate_series(1, 21) n) WHERE id = '{other}'"),
        format!("UPDATE orders SET reference = 'PO-1' WHERE id = '{other}'"),
        format!("UPDATE orders SET moved_version = NULL WHERE id = '{id}'"),
        format!("DELETE FROM orders WHERE id = '{id}'"),
        // Events: the version is taken, the first is no other's, public is what the type says, and so on.
        event("", &format!("'{id}', 3, 'order.noted', false, 2, 'started', {tail}")),
        event("", &format!("'{id}', 4, 'order.created', true, 3, 'started', {tail}")),
        event("", &format!("'{id}', 4, 'order.status_changed', false, 3, 'started', {tail}")),
        event("", &format!("'{id}', 4, 'order.assignee_changed', true, 3, 'started', {tail}")),
        event("", &format!("'{id}', 4, 'order.noted', false, NULL, 'started', {tail}")),
        event("", &format!("'{id}', 4, 'order.noted', false, 4, 'started', {tail}")),
        event(", message", &format!("'{id}', 4, 'order.noted', false, 3, 'started', {tail}, 'Seen by all'")),
        event(", reason", &format!("'{id}', 4, 'order.noted', false, 3, 'started', {tail}, 'lost'")),
        event("", &format!("'{id}', 4, 'order.status_changed', true, 3, 'on_hold', {tail}")),
        event(", undoes", &format!("'{id}', 4, 'order.status_changed', true, 3, 'started', {tail}, 4")),
        event(", changed", &format!("'{id}', 4, 'order.noted', false, 3, 'started', {tail}, 'title'")),
        event("", &format!("'{id}', 4, 'order.details_changed', false, 3, 'started', {tail}")),
        event("", &format!("'{id}', 4, 'order.shouted', false, 3, 'started', {tail}")),
        event("", &format!("'0000000000', 1, 'order.created', true, NULL, 'created', {tail}")),
    ];
    let mut connection = app.database.connect();
    for statement in statements {
        let refused = diesel::sql_query(&statement).execute(&mut connection);
        assert!(refused.is_err(), "{statement}: {refused:?}");
    }
    // The last of them all, done right, is accepted.
    database::run(&mut connection, &event("", &format!("'{id}', 4, 'order.noted', false, 3, 'started', {tail}")));
}

/// Each list has an index that gives it in its order, without sorting.
#[test]
fn lists_are_read_from_an_index() {
    let database = Database::cloned();
    let mut connection = database.connect();
    for (filter, sort) in [
        ("owner_id = gen_random_uuid()", "created_at DESC, id DESC"),
        ("true", "created_at DESC, id DESC"),
        ("open", "created_at DESC, id DESC"),
        ("assignee_id = gen_random_uuid()", "created_at DESC, id DESC"),
        ("owner_id = gen_random_uuid()", "order_due(due_at), id"),
        ("true", "order_due(due_at), id"),
        ("open", "order_due(due_at), id"),
    ] {
        let filter = filter.replace("gen_random_uuid()", "'00000000-0000-0000-0000-000000000000'");
        database::run(&mut connection, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off");
        let plan = explain(&mut connection, &format!("SELECT * FROM orders WHERE {filter} ORDER BY {sort} LIMIT 26"));
        assert!(plan.contains("Index Scan") && !plan.contains("Sort"), "{filter}, {sort}:\n{plan}");
    }
}

fn explain(connection: &mut PgConnection, query: &str) -> String {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let lines: Vec<Line> = diesel::sql_query(format!("EXPLAIN {query}")).load(connection).expect("a plan");
    lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
}
