//! Live updates: every version of every watched order, in order and once for each subscription, whatever dies in
//! between.
//!
//! `announce` takes what this replica has committed; the relay hears what the others have; the repair reads from the
//! feed what nobody announced. All three hand it to one thread, which offers it to the hub; the hub puts frames into
//! the outboxes of the sockets that watch.

mod announcement;
pub mod frame_guard;
mod frames;
pub mod horizon;
mod hub;
mod lists;
mod numbers;
mod outbox;
mod relay;
mod repair;
pub mod socket;
mod subscriptions;
mod topics;
mod unconfirmed;
mod watchers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, mpsc};
use uuid::Uuid;

pub use self::announcement::Announcement;
use self::hub::Hub;
use self::outbox::{End, Outbox};
use self::unconfirmed::{Unconfirmed, Whom};
use crate::auth::api_keys::ApiKeys;
use crate::auth::extractors::Credential;
use crate::auth::revocations::Revocations;
use crate::domain::ids::OrderId;
use crate::error::{Error, Result};
use crate::redis_link::RedisLink;
use crate::storage::db::Db;
use crate::storage::events::Mark;
use crate::storage::tracking::{self, Snapshot, Which};
use crate::track::TrackCache;

/// Batches that wait for the hub, and for Redis. What does not fit is dropped, and the repair finds it.
const QUEUE: usize = 1024;
/// How long a subscriber waits for its turn: what five thousand that come back together take, and more.
const TURN_LIMIT: Duration = Duration::from_secs(10);
/// In one frame, and in one statement.
const EVENTS_MAX: i64 = 500;
const SESSIONS_LOOKED_AT_EVERY: Duration = Duration::from_millis(250);
/// This one asks Postgres.
const KEYS_LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

type Batch = Arc<Vec<Announcement>>;

pub struct Live {
    replica: Uuid,
    channel: String,
    db: Db,
    redis: RedisLink,
    track: Arc<TrackCache>,
    hub: Hub,
    to_hub: mpsc::Sender<Batch>,
    to_redis: mpsc::Sender<Batch>,
    relay_is_up: AtomicBool,
    /// Something was lost: do not wait for the next turn.
    repair_now: Arc<Notify>,
    /// Something is missing at the hub.
    catch_up_now: Arc<Notify>,
    /// Something was committed, here or elsewhere.
    pub committed: Arc<Notify>,
    readers: Semaphore,
    sockets: Mutex<HashMap<u64, Arc<Outbox>>>,
    sockets_opened: AtomicU64,
    is_draining: AtomicBool,
    credentials_are_watched: AtomicBool,
    unconfirmed: Unconfirmed,
}

impl Live {
    /// Starts the tasks, which end with the last `Arc`. `prefix` begins the name of the Redis channel. Must run within a
    /// tokio runtime.
    pub async fn start(db: Db, redis: RedisLink, track: Arc<TrackCache>, prefix: &str) -> Arc<Live> {
        let (to_hub, for_hub) = mpsc::channel(QUEUE);
        let (to_redis, for_redis) = mpsc::channel(QUEUE);
        // Half of the connections to Postgres: a rush of subscribers must not keep the others from theirs.
        let readers = Semaphore::new(db.connections() / 2);
        let live = Arc::new(Live {
            replica: Uuid::now_v7(),
            channel: format!("{prefix}events"),
            db,
            redis,
            track,
            hub: Hub::new(Instant::now()),
            to_hub,
            to_redis,
            relay_is_up: AtomicBool::new(false),
            repair_now: Arc::default(),
            catch_up_now: Arc::default(),
            committed: Arc::default(),
            readers,
            sockets: Mutex::default(),
            sockets_opened: AtomicU64::new(0),
            is_draining: AtomicBool::new(false),
            credentials_are_watched: AtomicBool::new(false),
            unconfirmed: Unconfirmed::default(),
        });
        let weak = Arc::downgrade(&live);
        let deliverer = std::thread::Builder::new().name("live".to_owned());
        let delivered = weak.clone();
        if let Err(error) = deliverer.spawn(move || deliver(&delivered, for_hub)) {
            // Without the thread nothing is live; polling and all else still work.
            tracing::error!(%error, "no thread for live updates");
        }
        tokio::spawn(relay::publish(weak.clone(), for_redis));
        tokio::spawn(relay::listen(weak.clone()));
        // Before anybody watches: what was there before this replica is no news to them.
        let feed = repair::first_look(&live).await;
        tokio::spawn(repair::read_the_feed(weak.clone(), feed));
        tokio::spawn(repair::catch_up(weak));
        live
    }

    /// Tells the sockets of this replica, its cache and the other replicas what has been committed. For the journal's
    /// own threads: quick, and needs no runtime.
    pub fn announce(&self, announcements: Vec<Announcement>) {
        let batch = Arc::new(announcements);
        self.take_in(batch.clone(), Whom::Us);
        // Full means that Redis is slow or away: the other replicas find it in the feed.
        let _ = self.to_redis.try_send(batch);
    }

    /// Whether this replica hears what the others announce.
    pub fn is_up(&self) -> bool {
        self.relay_is_up.load(Ordering::Relaxed)
    }

    /// Takes no new sockets and closes the open ones with 1001, evenly spread over a time so that not all come back at once.
    pub async fn drain(&self, spread: Duration) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.end_all(End::Draining, spread).await;
        // Who was let in at the very moment at which this began.
        self.registry().values().for_each(|outbox| outbox.end(End::Draining));
    }

    /// Ends all that are open now, evenly spread over a time.
    fn end_all(&self, end: End, spread: Duration) -> impl Future<Output = ()> + use<> {
        const STEPS: usize = 100;
        let outboxes: Vec<_> = self.registry().values().cloned().collect();
        async move {
            let chunks = outboxes.chunks(outboxes.len().div_ceil(STEPS).max(1));
            let (started, steps) = (Instant::now(), chunks.len() as u32);
            for (step, some) in (1..).zip(chunks) {
                some.iter().for_each(|outbox| outbox.end(end));
                tokio::time::sleep_until((started + spread * step / steps).into()).await;
            }
        }
    }

    /// Whether new sockets are turned away.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Closes the sockets of sessions and API keys that have ended, from the first call on.
    pub fn watch_credentials(self: &Arc<Self>, revocations: &Arc<Revocations>, api_keys: &Arc<ApiKeys>) {
        if self.credentials_are_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let (live, revocations, api_keys) = (Arc::downgrade(self), revocations.clone(), api_keys.clone());
        tokio::spawn(async move {
            let mut keys_looked_at = Instant::now();
            loop {
                tokio::time::sleep(SESSIONS_LOOKED_AT_EVERY).await;
                let Some(live) = live.upgrade() else { return };
                let mut keys = HashMap::<Uuid, Vec<Arc<Outbox>>>::new();
                for outbox in live.registry().values() {
                    match outbox.credential() {
                        Some(Credential::Session(id)) if revocations.is_ended(id) => outbox.end(End::SessionEnded),
                        Some(Credential::ApiKey(id)) => keys.entry(id).or_default().push(outbox.clone()),
                        _ => {}
                    }
                }
                if keys.is_empty() || keys_looked_at.elapsed() < KEYS_LOOKED_AT_EVERY {
                    continue;
                }
                keys_looked_at = Instant::now();
                // While Postgres is away, nobody can end a key.
                let Ok(good) = api_keys.still_good(keys.keys().copied().collect()).await else { continue };
                keys.iter()
                    .filter(|(id, _)| !good.contains(*id))
                    .flat_map(|(_, outboxes)| outboxes)
                    .for_each(|outbox| outbox.end(End::ApiKeyEnded));
            }
        });
    }

    /// An outbox for a new socket; `Draining` when none is let in any more.
    fn open(self: &Arc<Self>) -> Result<Registered> {
        if self.is_draining() {
            return Err(Error::Draining);
        }
        let number = self.sockets_opened.fetch_add(1, Ordering::Relaxed);
        let outbox = Arc::new(Outbox::default());
        self.registry().insert(number, outbox.clone());
        Ok(Registered { live: self.clone(), number, outbox })
    }

    /// An order with its events after a version, once it is its turn.
    async fn snapshot(&self, id: OrderId, which: Which, after: i32) -> Result<Option<Snapshot>> {
        let turn = tokio::time::timeout(TURN_LIMIT, self.readers.acquire()).await;
        let _turn = turn.map_err(|_| Error::DatabaseUnavailable)?.map_err(|_| Error::Draining)?;
        self.read_snapshot(id, which, after).await
    }

    async fn read_snapshot(&self, id: OrderId, which: Which, after: i32) -> Result<Option<Snapshot>> {
        let read = move |connection: &mut _| tracking::snapshot(connection, id, which, after, EVENTS_MAX);
        let snapshot = self.db.read(read).await?;
        if let Some(Snapshot { version, updated_at, .. }) = snapshot {
            // Read before anybody has told of it, it may be lost with who would have.
            let mark = Mark { order_id: id, version, recorded_at: updated_at };
            self.unconfirmed.read(mark, Instant::now());
        }
        Ok(snapshot)
    }

    /// Lets the caches serve nothing older.
    fn note(&self, announcements: &[Announcement]) {
        for announcement in announcements {
            self.track.heard(announcement.event.order_id, announcement.event.version);
        }
    }

    /// Tells the watchers here, and no cache serves anything older. What the hub has no place for comes with the feed.
    fn take_in(&self, batch: Batch, by: Whom) {
        self.note(&batch);
        self.committed.notify_one();
        let place = self.to_hub.try_reserve();
        // In this order: it is known before it is told, and only what has its place is taken for delivered.
        let marks = batch.iter().map(Announcement::mark);
        self.unconfirmed.announced(marks, by, place.is_ok(), Instant::now());
        match place {
            Ok(place) => place.send(batch),
            Err(_) => self.repair_now.notify_one(),
        }
    }

    fn set_relay_is_up(&self, is_up: bool) {
        self.track.set_relay_is_up(is_up);
        if self.relay_is_up.swap(is_up, Ordering::Relaxed) != is_up {
            // Up: what was said in between was not heard. Down: from now on nothing is.
            self.repair_now.notify_one();
        }
    }

    fn registry(&self) -> MutexGuard<'_, HashMap<u64, Arc<Outbox>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open socket; dropping it forgets the socket.
struct Registered {
    live: Arc<Live>,
    number: u64,
    outbox: Arc<Outbox>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.live.registry().remove(&self.number);
    }
}

/// The thread that offers everything to the hub: a broadcast to ten thousand sockets takes milliseconds, for which
/// neither the journal nor a runtime should stand still.
fn deliver(live: &Weak<Live>, mut batches: mpsc::Receiver<Batch>) {
    while let Some(batch) = batches.blocking_recv() {
        let Some(live) = live.upgrade() else { return };
        let now = Instant::now();
        let mut is_missing = false;
        for announcement in batch.iter() {
            is_missing |= live.hub.offer(announcement, now);
        }
        if is_missing {
            live.catch_up_now.notify_one();
        }
    }
}
