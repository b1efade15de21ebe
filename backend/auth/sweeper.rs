//! Once a day: deletes sessions and unused invitations that have been over for 30 days, idempotency keys of more than 7 days,
//! and deliveries to webhooks that were attempted for the last time more than 30 days ago.

use std::time::Duration;

use diesel::PgConnection;

use crate::error::Result;
use crate::storage::db::Db;
use crate::storage::{delivery_log, idempotency_keys, invitations, sessions};

/// After the start, so that a server that is restarted every day sweeps too.
const FIRST: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_secs(24 * 60 * 60);
const AFTER_FAILURE: Duration = Duration::from_secs(60 * 60);

/// Rows deleted in one transaction: short ones disturb nobody.
const PORTION: i64 = 1000;

type Portion = fn(&mut PgConnection, i64) -> Result<usize>;
const SWEEPS: [(&str, Portion); 4] = [
    ("sessions", sessions::sweep),
    ("invitations", invitations::sweep),
    ("idempotency keys", idempotency_keys::sweep),
    ("deliveries to webhooks", delivery_log::sweep),
];

/// The task; it ends when this is dropped.
pub struct Sweeper(tokio::task::JoinHandle<()>);

impl Sweeper {
    pub fn start(db: Db) -> Sweeper {
        Sweeper(tokio::spawn(async move {
            let mut wait = FIRST;
            loop {
                tokio::time::sleep(wait).await;
                wait = PERIOD;
                for (what, portion) in SWEEPS {
                    match sweep(&db, portion).await {
                        Ok(0) => {}
                        Ok(deleted) => tracing::info!(deleted, "old {what} deleted"),
                        Err(error) => {
                            tracing::warn!(%error, "old {what} can't be deleted");
                            wait = AFTER_FAILURE;
                        }
                    }
                }
            }
        }))
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Deletes everything that is due, and says how many rows that were.
async fn sweep(db: &Db, portion: Portion) -> Result<usize> {
    let mut deleted = 0;
    loop {
        match db.write(move |connection| portion(connection, PORTION)).await? {
            0 => return Ok(deleted),
            some => deleted += some,
        }
    }
}
