//! Once a day: deletes sessions and unused invitations that have been over for 30 days, idempotency keys of more than 7 days,
//! and deliveries to webhooks of more than 30.

use std::time::Duration;

use crate::error::Result;
use crate::storage::db::Db;
use crate::storage::{delivery_log, idempotency_keys, invitations, sessions};

/// After the start, so that a server that is restarted every day sweeps too.
const FIRST: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// Rows deleted in one transaction: short ones disturb nobody.
const PORTION: i64 = 1000;

/// The task; it ends when this is dropped.
pub struct Sweeper(tokio::task::JoinHandle<()>);

impl Sweeper {
    pub fn start(db: Db) -> Sweeper {
        Sweeper(tokio::spawn(async move {
            let mut wait = FIRST;
            loop {
                tokio::time::sleep(wait).await;
                wait = PERIOD;
                match sweep(&db).await {
                    Ok(0) => {}
                    Ok(deleted) => {
                        tracing::info!(deleted, "old sessions, invitations, idempotency keys and deliveries deleted")
                    }
                    Err(error) => {
                        tracing::warn!(%error, "old sessions, invitations, idempotency keys and deliveries can't be deleted")
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
async fn sweep(db: &Db) -> Result<usize> {
    let mut deleted = 0;
    loop {
        let portion = db
            .write(|connection| {
                Ok(sessions::sweep(connection, PORTION)?
                    + invitations::sweep(connection, PORTION)?
                    + idempotency_keys::sweep(connection, PORTION)?
                    + delivery_log::sweep(connection, PORTION)?)
            })
            .await?;
        deleted += portion;
        if portion == 0 {
            return Ok(deleted);
        }
    }
}
