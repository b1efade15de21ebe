//! Sessions that ended while their access tokens have not expired. Every request asks, so the answer is in memory; on
//! other replicas it is a second old.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::error::Result;
use crate::storage::db::Db;
use crate::storage::sessions;

/// Longer than an access token lives, by what a clock or a transaction may be late.
const KEPT: Duration = Duration::from_secs(11 * 60);

const PERIOD: Duration = Duration::from_secs(1);

/// What is read again each time: a transaction that ended a session then may be committed only now.
const OVERLAP: chrono::Duration = chrono::Duration::seconds(30);

/// The sessions that ended within the last eleven minutes.
pub struct Revocations {
    /// Until when each of them is kept, by this process' own clock.
    ended: RwLock<HashMap<Uuid, Instant>>,
}

impl Revocations {
    /// Reads what has ended and keeps reading until the last `Arc` is dropped. While Postgres is away it serves what it
    /// knows, and catches up when it is back.
    pub async fn start(db: Db) -> Arc<Revocations> {
        let revocations = Arc::new(Revocations { ended: RwLock::default() });
        let mut reader = Reader { db, newest: None, failing: false };
        reader.read(&revocations).await;

        let followed = Arc::downgrade(&revocations);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(PERIOD);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(revocations) = followed.upgrade() else { return };
                reader.read(&revocations).await;
            }
        });
        revocations
    }

    /// Has this session ended, as far as its access tokens can still be alive?
    pub fn is_ended(&self, session_id: Uuid) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session_id)
    }

    /// Notes sessions that this process has just ended; other replicas read it within a second.
    pub fn note(&self, session_ids: impl IntoIterator<Item = Uuid>) {
        let mut session_ids = session_ids.into_iter().peekable();
        if session_ids.peek().is_none() {
            return;
        }
        let until = Instant::now() + KEPT;
        let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
        for id in session_ids {
            ended.entry(id).or_insert(until);
        }
    }

    fn forget_expired(&self) {
        let now = Instant::now();
        let is_over = |until: &Instant| *until <= now;
        // Looking needs only the shared lock, and mostly there is nothing to do.
        if self.ended.read().unwrap_or_else(PoisonError::into_inner).values().any(is_over) {
            self.ended.write().unwrap_or_else(PoisonError::into_inner).retain(|_, until| !is_over(until));
        }
    }
}

struct Reader {
    db: Db,
    /// The newest end that was read, by Postgres' clock.
    newest: Option<DateTime<Utc>>,
    failing: bool,
}

impl Reader {
    async fn read(&mut self, revocations: &Revocations) {
        match self.read_once(revocations).await {
            Ok(()) if self.failing => {
                self.failing = false;
                tracing::info!("ended sessions are read again");
            }
            Ok(()) => {}
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(%error, "ended sessions can't be read");
            }
            Err(_) => {}
        }
    }

    async fn read_once(&mut self, revocations: &Revocations) -> Result<()> {
        let since = self.newest.map(|newest| newest - OVERLAP);
        let ended = self.db.read(move |connection| sessions::ended_since(connection, since)).await?;
        self.newest = ended.iter().map(|(_, at)| *at).max().or(self.newest);
        revocations.note(ended.into_iter().map(|(id, _)| id));
        revocations.forget_expired();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_has_ended_until_its_tokens_have_expired() {
        let revocations = Revocations { ended: RwLock::default() };
        let (ended, open) = (Uuid::now_v7(), Uuid::now_v7());
        revocations.note([ended]);
        assert!(revocations.is_ended(ended));
        assert!(!revocations.is_ended(open));

        revocations.forget_expired();
        assert!(revocations.is_ended(ended));
        revocations.ended.write().unwrap().insert(ended, Instant::now());
        revocations.forget_expired();
        assert!(!revocations.is_ended(ended));
    }
}
