//! What came of attempts, written many at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::storage::db::Db;
use crate::storage::deliveries::{self, Attempted};

/// Who has more to note waits, and sends no more.
const QUEUE: usize = 1024;
const AT_ONCE: usize = 256;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Deliveries that an endpoint's task knows of: waiting, under way, or done and not noted yet.
pub type Known = Arc<Mutex<HashSet<Uuid>>>;

/// An attempt that is to be noted; then it is forgotten, and whoever waits for that is told.
pub struct Note {
    pub attempted: Attempted,
    pub known: Known,
    pub noted: Arc<Notify>,
}

#[derive(Clone)]
pub struct Notes(mpsc::Sender<Note>);

impl Notes {
    /// The task ends with the last of these.
    pub fn start(db: Db) -> Notes {
        let (sender, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write(db, waiting));
        Notes(sender)
    }

    pub async fn add(&self, note: Note) {
        // The task ends only when nobody can add anything.
        let _ = self.0.send(note).await;
    }
}

async fn write(db: Db, mut waiting: mpsc::Receiver<Note>) {
    let mut notes = Vec::with_capacity(AT_ONCE);
    while waiting.recv_many(&mut notes, AT_ONCE).await > 0 {
        let attempted: Vec<Attempted> = notes.iter().map(|note| note.attempted.clone()).collect();
        if let Err(error) = write_all(&db, attempted.clone()).await {
            tracing::error!(%error, "what came of some webhooks can't be noted: one by one, then");
            for one in attempted {
                let delivery = one.delivery_id;
                if let Err(error) = write_all(&db, vec![one]).await {
                    tracing::error!(%error, %delivery, "what came of a webhook is not noted");
                }
            }
        }
        for note in notes.drain(..) {
            note.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&note.attempted.delivery_id);
            note.noted.notify_one();
        }
    }
}

/// Until they are noted, nothing else is: a receiver that gets everything twice is worse off. An error only for what would
/// never work.
async fn write_all(db: &Db, attempted: Vec<Attempted>) -> Result<()> {
    let attempted: Arc<[Attempted]> = attempted.into();
    let mut is_failing = false;
    loop {
        let again = attempted.clone();
        match db.write(move |connection| deliveries::note(connection, &again)).await {
            Err(error @ (Error::DatabaseUnavailable | Error::Overloaded | Error::OutcomeUnknown)) => {
                if !is_failing {
                    tracing::warn!(%error, "what came of webhooks can't be noted");
                }
                is_failing = true;
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
            answer => return answer,
        }
    }
}
