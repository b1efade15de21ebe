//! Migrations, run at start. diesel takes no lock around them, so that several replicas may start at once we do.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::Error;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Any number, as long as nobody else takes it: "order tr" in ASCII.
const LOCK: i64 = 0x6f72_6465_7220_7472;

pub type MigrationError = Box<dyn std::error::Error + Send + Sync>;

/// Brings the schema up to date. Waits while another replica does.
pub fn run(connection: &mut PgConnection) -> Result<(), MigrationError> {
    diesel::sql_query("SET statement_timeout = 0").execute(connection)?;
    diesel::sql_query("SET lock_timeout = 0").execute(connection)?;
    diesel::sql_query("SELECT pg_advisory_lock($1)").bind::<diesel::sql_types::BigInt, _>(LOCK).execute(connection)?;
    // The lock is the session's: it goes with the connection if this fails.
    connection.run_pending_migrations(MIGRATIONS)?;
    diesel::sql_query("SELECT pg_advisory_unlock($1)")
        .bind::<diesel::sql_types::BigInt, _>(LOCK)
        .execute(connection)?;
    Ok(())
}

/// Takes every migration back; for tests of the way down.
pub fn revert_all(connection: &mut PgConnection) -> Result<(), MigrationError> {
    connection.revert_all_migrations(MIGRATIONS).map(|_| ())
}

diesel::table! {
    /// diesel's own list of what was run.
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

/// True when nothing is left to migrate. Only reads, unlike diesel's own question, which creates its table.
pub fn is_current(connection: &mut PgConnection) -> Result<bool, Error> {
    use __diesel_schema_migrations::{table, version};
    let has_list = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
    if !diesel::select(has_list).get_result(connection)? {
        return Ok(false);
    }
    let run: BTreeSet<String> = table.select(version).load(connection)?.into_iter().collect();
    let ours = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(ours.iter().all(|migration| run.contains(&migration.name().version().to_string())))
}
