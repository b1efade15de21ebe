//! Webhooks: events told to integrators' own servers, at least once, whatever dies; the Standard Webhooks specification.
//!
//! A delivery is a row, written in the event's own transaction. Each replica looks for endpoints for which something is due,
//! as soon as something was committed anywhere and at least once a second, and takes them, for six seconds at a time, until
//! nothing has been due for a while. For each that it has, a task sends up to four messages at once and notes how that went.
//! One that hangs holds up nothing but itself.

pub mod address;
mod endpoint;
pub mod message;
mod names;
mod notes;
mod schedule;
mod sending;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
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
/// Endpoints taken at once, and held in all: others take the rest, or it waits. Each may have some 150 deliveries of up to 25 kB
/// in memory.
const TAKEN_AT_ONCE: usize = 200;
const ENDPOINTS_MAX: usize = 500;
const RENEWED_EVERY: Duration = Duration::from_secs(2);
/// How long a replica that goes waits for what it has sent.
const FAREWELL: Duration = Duration::from_secs(5);

pub struct Webhooks {
    shared: Arc<Shared>,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

struct Shared {
    replica: Uuid,
    db: Db,
    sender: Sender,
    notes: Notes,
    /// The endpoints that this replica has, each with what wakes its task.
    taken: Mutex<HashMap<Uuid, Arc<Wake>>>,
    /// One of them was left.
    left: Notify,
    /// Something was committed.
    committed: Arc<Notify>,
    /// Something else made something due, or there is a new webhook.
    asked: Notify,
    /// All places are taken: an endpoint that fails leaves its own to others.
    is_crowded: AtomicBool,
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
            left: Notify::new(),
            committed,
            asked: Notify::new(),
            is_crowded: AtomicBool::new(false),
            is_ending: watch::Sender::new(false),
        });
        let tasks = [tokio::spawn(look_for_what_is_due(shared.clone())), tokio::spawn(renew(shared.clone()))];
        Ok(Webhooks { shared, tasks })
    }

    /// Something is due that was not committed with an event, or there is a webhook where there may have been none.
    pub fn wake(&self) {
        self.shared.asked.notify_one();
    }

    /// One was changed through this replica: from now on it is told so. Others notice within a second.
    pub fn has_changed(&self, id: Uuid) {
        if let Some(wake) = self.shared.taken().get(&id) {
            wake.has_changed.store(true, Ordering::Relaxed);
        }
        self.wake();
    }

    /// Takes nothing new, and waits for what is under way, for some seconds: what is not noted by then is sent again by
    /// another replica.
    pub async fn stop(&self) {
        self.shared.is_ending.send_replace(true);
        let ended = async {
            while !self.shared.taken().is_empty() {
                self.shared.left.notified().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, ended).await;
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        self.shared.is_ending.send_replace(true);
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// What an endpoint's task is told.
#[derive(Default)]
struct Wake {
    something_is_due: Notify,
    /// What is known of it is not true any more.
    has_changed: AtomicBool,
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Wake>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ending(&self) -> bool {
        *self.is_ending.borrow()
    }
}

async fn look_for_what_is_due(shared: Arc<Shared>) {
    let (mut pause, mut there_are_some, mut is_failing) = (PERIOD_MIN, true, false);
    while !shared.is_ending() {
        tokio::time::sleep(pause).await;
        // Without any webhook, no commit is of interest.
        let asked = async {
            tokio::select! {
                () = shared.committed.notified(), if there_are_some => {}
                () = shared.asked.notified() => {}
            }
        };
        let _ = tokio::time::timeout(PERIOD, asked).await;
        if shared.is_ending() {
            return;
        }
        let began = Instant::now();
        match look(&shared).await {
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
        pause = (began.elapsed() * SHARE).clamp(PERIOD_MIN, PERIOD);
    }
}

/// Takes endpoints for which something is due, and tells those that this replica has already; whether there is any webhook.
async fn look(shared: &Arc<Shared>) -> Result<bool> {
    let room = ENDPOINTS_MAX.saturating_sub(shared.taken().len()).min(TAKEN_AT_ONCE);
    if shared.taken().is_empty() && !shared.db.read(deliveries::has_active_webhook).await? {
        return Ok(false);
    }
    shared.is_crowded.store(room == 0, Ordering::Relaxed);
    let replica = shared.replica;
    let waiting = shared.db.write(move |connection| deliveries::take(connection, replica, room as i32)).await?;
    for id in waiting {
        match shared.taken().entry(id) {
            Entry::Occupied(place) => place.get().something_is_due.notify_one(),
            Entry::Vacant(place) => {
                let wake = place.insert(Arc::default()).clone();
                tokio::spawn(endpoint::serve(shared.clone(), id, wake));
            }
        }
    }
    Ok(true)
}

/// Keeps what this replica has. A task that finds its endpoint another's sends nothing more to it.
async fn renew(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        let ids: Vec<Uuid> = shared.taken().keys().copied().collect();
        if ids.is_empty() {
            continue;
        }
        let replica = shared.replica;
        if let Err(error) = shared.db.write(move |connection| deliveries::renew(connection, replica, &ids)).await {
            tracing::debug!(%error, "leases of webhooks are not renewed");
        }
    }
}
