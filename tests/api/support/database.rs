//! A database for each test, cloned from a template that is migrated once.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use order_tracker::storage::migrations;
use sha2::{Digest, Sha256};

/// A maintenance URL whose role may create databases.
pub static MAINTENANCE_URL: LazyLock<String> = LazyLock::new(|| from_environment("TEST_DATABASE_URL"));

pub fn from_environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; `make test` starts services and sets it"))
}

pub struct Database {
    pub name: String,
    pub url: String,
    /// Dropped with this value.
    is_owned: bool,
}

impl Database {
    /// A clone of the migrated template.
    pub fn cloned() -> Database {
        Database::create(&format!("TEMPLATE \"{}\"", *TEMPLATE))
    }

    /// One without anything in it.
    pub fn empty() -> Database {
        Database::create("TEMPLATE template0")
    }

    fn create(template: &str) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("ot_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut maintenance = connect(&MAINTENANCE_URL);
        run(&mut maintenance, &format!("CREATE DATABASE \"{name}\" {template}"));
        Database { url: url_of(&MAINTENANCE_URL, &name), name, is_owned: true }
    }

    /// A new one without anything in it, in another Postgres; it stays when this value is dropped.
    pub fn anew_at(maintenance: &str, name: &str) -> Database {
        let mut connection = connect(maintenance);
        run(&mut connection, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        run(&mut connection, &format!("CREATE DATABASE \"{name}\" TEMPLATE template0"));
        Database { url: url_of(maintenance, name), name: name.to_owned(), is_owned: false }
    }

    /// The same one, for as long as the first is there.
    pub fn shared(&self) -> Database {
        Database { name: self.name.clone(), url: self.url.clone(), is_owned: false }
    }

    pub fn connect(&self) -> PgConnection {
        connect(&self.url)
    }

    /// Runs statements.
    pub fn run(&self, sql: &str) {
        run(&mut self.connect(), sql);
    }

    /// The value, as text, of a query for one value.
    pub fn value(&self, query: &str) -> Option<String> {
        value(&mut self.connect(), query)
    }

    pub fn number(&self, query: &str) -> i64 {
        self.value(query).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{query} gave no number"))
    }
}

/// What was in the tables of orders, kept in the same database: a server keeps its connections while it is restored.
pub struct Backup<'a> {
    database: &'a Database,
}

impl Backup<'_> {
    /// In place of an earlier one.
    pub fn of(database: &Database) -> Backup<'_> {
        database.run(
            "DROP SCHEMA IF EXISTS backup CASCADE; CREATE SCHEMA backup;
             CREATE TABLE backup.orders AS TABLE orders;
             CREATE TABLE backup.order_events AS TABLE order_events",
        );
        Backup { database }
    }

    /// All at once, with the sequence of the feed.
    pub fn restore(&self) {
        let columns = |table: &str| {
            let names = format!(
                "SELECT string_agg(column_name, ',') FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}' AND is_generated = 'NEVER'"
            );
            self.database.value(&names).expect("columns")
        };
        let (orders, events) = (columns("orders"), columns("order_events"));
        self.database.run(&format!(
            "BEGIN;
             TRUNCATE order_events, orders;
             INSERT INTO orders ({orders}) SELECT {orders} FROM backup.orders;
             INSERT INTO order_events ({events}) OVERRIDING SYSTEM VALUE SELECT {events} FROM backup.order_events;
             SELECT setval(pg_get_serial_sequence('order_events', 'seq'), (SELECT max(seq) FROM order_events));
             COMMIT"
        ));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.is_owned {
            return;
        }
        let statement = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name);
        let dropped =
            PgConnection::establish(&MAINTENANCE_URL).map(|mut pg| diesel::sql_query(statement).execute(&mut pg));
        if !std::thread::panicking() {
            dropped.expect("Postgres is there").expect("the database can be dropped");
        }
    }
}

/// Made once, and again when a migration changes; other runs of the tests share it.
static TEMPLATE: LazyLock<String> = LazyLock::new(|| {
    let template = format!("ot_template_{}", migrations_hash());
    let mut maintenance = connect(&MAINTENANCE_URL);
    // Two runs may start at the same time.
    run(&mut maintenance, "SELECT pg_advisory_lock(7305805)");
    drop_leftovers(&mut maintenance);
    if value(&mut maintenance, &format!("SELECT datname FROM pg_database WHERE datname = '{template}'")).is_none() {
        let building = format!("{template}_building");
        run(&mut maintenance, &format!("DROP DATABASE IF EXISTS \"{building}\" WITH (FORCE)"));
        run(&mut maintenance, &format!("CREATE DATABASE \"{building}\" TEMPLATE template0"));
        migrations::run(&mut connect(&url_of(&MAINTENANCE_URL, &building))).expect("the migrations run");
        run(&mut maintenance, &format!("ALTER DATABASE \"{building}\" RENAME TO \"{template}\""));
    }
    template
});

/// Databases of runs that were killed.
fn drop_leftovers(maintenance: &mut PgConnection) {
    let names =
        value(maintenance, "SELECT string_agg(datname, ',') FROM pg_database WHERE datname LIKE 'ot\\_test\\_%'");
    for name in names.iter().flat_map(|names| names.split(',')) {
        let run_id = name.split('_').nth(2).unwrap_or_default();
        if !std::path::Path::new(&format!("/proc/{run_id}")).exists() {
            run(maintenance, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        }
    }
}

fn migrations_hash() -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files: Vec<_> = std::fs::read_dir(root)
        .expect("migrations/")
        .map(|entry| entry.expect("an entry").path().join("up.sql"))
        .filter(|file| file.exists())
        .collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file).expect("a migration"));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A maintenance URL with another database in it.
fn url_of(maintenance: &str, database: &str) -> String {
    let (head, query) = maintenance.split_once('?').unwrap_or((maintenance, ""));
    let authority_end = head.find("://").map_or(0, |at| at + 3);
    let path = head[authority_end..].find('/').map_or(head.len(), |at| authority_end + at);
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{}/{database}{separator}{query}", &head[..path])
}

pub fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).unwrap_or_else(|error| panic!("no Postgres at {url}: {error}"))
}

pub fn run(connection: &mut PgConnection, sql: &str) {
    use diesel::connection::SimpleConnection;
    connection.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub fn value(connection: &mut PgConnection, query: &str) -> Option<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        value: Option<String>,
    }
    let rows: Vec<Row> = diesel::sql_query(format!("SELECT value::text AS value FROM ({query}) AS query (value)"))
        .load(connection)
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    rows.into_iter().next().and_then(|row| row.value)
}
