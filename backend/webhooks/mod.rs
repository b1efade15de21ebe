//! Webhooks: events told to integrators' own servers, at least once, whatever dies; the Standard Webhooks specification.
//!
//! A delivery is a row, written in the event's own transaction. Each replica looks for endpoints for which something is due,
//! as soon as something was committed anywhere and at least once a second, and takes them for some seconds. For each that it
//! has, a task sends up to four messages at once and notes how that went. One that hangs holds up nothing but itself.

pub mod address;
mod endpoint;
pub mod message;
mod notes;
mod schedule;
mod sending;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use uuid::Uuid;

use self::address::Guard;
use self::notes::Notes;
use self::sending::Sender;
use crate::error::Result;
use crate::storage::db::Db;
use crate::storage::deliveries;

/// Looked for at least so often; what was committed elsewhere may not have been announced.
const PERIOD: Duration = Duration::from_secs(1);
/// And not more often than this, nor for more than a tenth of the time.
const PERIOD_MIN: Duration = Duration::from_millis(10);
const SHARE: u32 = 10;
/// Endpoints taken at once.
const TAKEN_AT_ONCE: i32 = 200;
const RENEWED_EVERY: Duration = Duration::from_secs(2);
/// How long a replica that goes waits for what it has sent.
const FAREWELL: Duration = Duration::from_secs(5);

pub struct Webhooks {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    replica: Uuid,
    db: Db,
    sender: Sender,
    notes: Notes,
    /// The endpoints that this replica has, each with what wakes its task.
    taken: Mutex<HashMap<Uuid, Arc<Notify>>>,
    /// Something was committed.
    committed: Arc<Notify>,
    is_ending: watch::Sender<bool>,
}

impl Webhooks {
    /// Starts to look for what is due; `committed` is told of each commit, here or elsewhere. Must run within a tokio
    /// runtime. Fails when the system has no TLS.
    pub fn start(db: Db, guard: Guard, committed: Arc<Notify>) -> reqwest::Result<Webhooks> {
        let shared = Arc::new(Shared {
            replica: Uuid::now_v7(),
            notes: Notes::start(db.clone()),
            sender: Sender::new(guard)?,
            db,
            taken: Mutex::default(),
            committed,
            is_ending: watch::Sender::new(false),
        });
        let task = tokio::spawn(look_for_what_is_due(shared.clone()));
        Ok(Webhooks { shared, task })
    }

    /// Something is due that was not committed with an event.
    pub fn wake(&self) {
        self.shared.committed.notify_one();
    }

    /// Takes nothing new, and waits for what is under way, for some seconds: what is not noted by then is sent again by
    /// another replica.
    pub async fn stop(&self) {
        self.shared.is_ending.send_replace(true);
        let ended = async {
            while !self.shared.taken().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, ended).await;
        self.task.abort();
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        self.shared.is_ending.send_replace(true);
        self.task.abort();
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Notify>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ending(&self) -> bool {
        *self.is_ending.borrow()
    }
}

async fn look_for_what_is_due(shared: Arc<Shared>) {
    let (mut pause, mut renewed_at, mut there_are_some, mut is_failing) = (PERIOD_MIN, Instant::now(), true, false);
    while !shared.is_ending() {
        tokio::time::sleep(pause).await;
        // Without any webhook, no commit is of interest.
        let asked = async {
            if there_are_some {
                shared.committed.notified().await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let _ = tokio::time::timeout(PERIOD, asked).await;
        if shared.is_ending() {
            return;
        }
        let began = Instant::now();
        let looked = async {
            if renewed_at.elapsed() >= RENEWED_EVERY {
                renewed_at = Instant::now();
                renew(&shared).await?;
            }
            look(&shared).await
        };
        match looked.await {
            Ok(some) => {
                there_are_some = some;
                is_failing = false;
            }
            Err(error) => {
                if !is_failing {
                    tracing::warn!(%error, "webhooks can't be looked for");
                }
                is_failing = true;
            }
        }
        pause = PERIOD_MIN.max(began.elapsed() * SHARE);
    }
}

/// Takes endpoints for which something is due, and tells those that this replica has that there may be more; whether there
/// is any webhook.
async fn look(shared: &Arc<Shared>) -> Result<bool> {
    if shared.taken().is_empty() && !shared.db.read(deliveries::has_active_webhook).await? {
        return Ok(false);
    }
    shared.taken().values().for_each(|wake| wake.notify_one());
    let replica = shared.replica;
    let taken = shared.db.write(move |connection| deliveries::take(connection, replica, TAKEN_AT_ONCE)).await?;
    for id in taken {
        let mut endpoints = shared.taken();
        // One whose lease had run out may still have its task, which has not noticed.
        if let Entry::Vacant(place) = endpoints.entry(id) {
            let wake = place.insert(Arc::default()).clone();
            tokio::spawn(endpoint::serve(shared.clone(), id, wake));
        }
    }
    Ok(true)
}

async fn renew(shared: &Shared) -> Result<()> {
    let ids: Vec<Uuid> = shared.taken().keys().copied().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let replica = shared.replica;
    shared.db.write(move |connection| deliveries::renew(connection, replica, &ids)).await?;
    Ok(())
}
