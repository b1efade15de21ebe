//! The public view of orders as ready bytes, and its caches: in this process for two seconds, one loader for each order
//! however many wait; then Redis; then Postgres.
//!
//! How stale may it be? A replica never serves a version older than the newest it has heard of. When an announcement is
//! lost, two seconds in Redis and two here are the most, whatever Redis does: a value carries the time at which it was
//! read. Without its relay a replica hears nothing, and uses what is stored here no more.

mod floor;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use deadpool_redis::redis;
use moka::future::Cache;

use self::floor::Floor;
pub use self::view::View;
use crate::domain::ids::OrderId;
use crate::error::{Error, Result};
use crate::redis_link::RedisLink;
use crate::storage::db::Db;
use crate::storage::tracking;

/// How long a view may be used after it was read, in each of the two caches.
const FRESH: Duration = Duration::from_secs(2);
const CAPACITY_BYTES: u64 = 32 * 1024 * 1024;
const EVENTS: i64 = 500;
/// How often a reader takes what somebody else loads, if that turns out too old, before loading it alone.
const ATTEMPTS: usize = 3;

pub struct TrackCache {
    db: Db,
    prefix: String,
    views: Cache<OrderId, Loaded>,
    floor: Floor,
    relay_is_up: AtomicBool,
}

/// What loading came to. Only a view is worth keeping; the others are handed to all who wait and then replaced.
#[derive(Clone)]
enum Loaded {
    View(Arc<View>),
    /// Not there (version 0), or tracking is off as of this version.
    Hidden {
        version: i32,
    },
    Unavailable,
    Failed(Arc<str>),
}

impl TrackCache {
    pub fn new(db: Db, prefix: &str) -> TrackCache {
        let views = Cache::builder()
            .max_capacity(CAPACITY_BYTES)
            .weigher(|_, loaded: &Loaded| match loaded {
                Loaded::View(view) => u32::try_from(view.bytes.len() + 300).unwrap_or(u32::MAX),
                _ => 300,
            })
            .time_to_live(FRESH)
            .build();
        TrackCache {
            db,
            prefix: format!("{prefix}track:"),
            views,
            floor: Floor::new(Instant::now()),
            relay_is_up: AtomicBool::new(false),
        }
    }

    /// The public view, by way of the calling thread's Redis. `NotFound` when there is no such order, or its owner has
    /// switched tracking off.
    pub async fn view(&self, id: OrderId, redis: &RedisLink) -> Result<Arc<View>> {
        let floor = self.floor.of(id, Instant::now());
        let stored_are_good = self.relay_is_up.load(Ordering::Relaxed);
        if stored_are_good
            && let Some(Loaded::View(view)) = self.views.get(&id).await
            && view.version >= floor
        {
            return Ok(view);
        }
        for _ in 0..ATTEMPTS {
            let loading = self.load(id, redis);
            let is_unusable = |loaded: &Loaded| match loaded {
                Loaded::View(view) => !stored_are_good || view.version < floor,
                _ => true,
            };
            let loaded = self.views.entry_by_ref(&id).or_insert_with_if(loading, is_unusable).await.into_value();
            // Somebody else may have begun to load it before this version was heard of.
            let is_old = match &loaded {
                Loaded::View(view) => view.version < floor,
                Loaded::Hidden { version } => *version < floor,
                Loaded::Unavailable | Loaded::Failed(_) => false,
            };
            if !is_old {
                return loaded.into_answer();
            }
        }
        self.load_from_postgres(id).await.into_answer()
    }

    /// Notes that an order has reached a version: nothing older is served from now on. Quick, and needs no runtime.
    pub fn heard(&self, id: OrderId, version: i32) {
        self.floor.raise(id, version, Instant::now());
    }

    /// What was heard may never have happened: nothing of it counts, or is served from this process.
    pub fn start_over(&self) {
        self.floor.clear();
        self.views.invalidate_all();
    }

    /// Whether this replica hears of the others' changes.
    pub fn set_relay_is_up(&self, is_up: bool) {
        self.relay_is_up.store(is_up, Ordering::Relaxed);
    }

    /// Under which key a view stands in Redis; whoever announces a change deletes it.
    pub fn redis_key(&self, id: OrderId) -> String {
        format!("{}{id}", self.prefix)
    }

    async fn load(&self, id: OrderId, redis: &RedisLink) -> Loaded {
        if let Some(view) = self.load_from_redis(id, redis).await {
            return Loaded::View(view);
        }
        let loaded = self.load_from_postgres(id).await;
        if let Loaded::View(view) = &loaded {
            self.store_in_redis(id, view, redis);
        }
        loaded
    }

    async fn load_from_redis(&self, id: OrderId, redis: &RedisLink) -> Option<Arc<View>> {
        let mut get = redis::pipe();
        get.get(self.redis_key(id));
        let (stored,): (Option<Vec<u8>>,) = redis.run(&get).await?;
        let view = View::from_stored(stored?, Utc::now(), FRESH)?;
        (view.version >= self.floor.of(id, Instant::now())).then(|| Arc::new(view))
    }

    async fn load_from_postgres(&self, id: OrderId) -> Loaded {
        let read_at = Utc::now();
        match self.db.read(move |connection| tracking::public_record(connection, id, EVENTS)).await {
            Ok(Some(record)) if record.public_tracking => match View::render(id, &record, read_at) {
                Ok(view) => Loaded::View(Arc::new(view)),
                Err(error) => Loaded::Failed(error.to_string().into()),
            },
            Ok(Some(record)) => Loaded::Hidden { version: record.version },
            Ok(None) => Loaded::Hidden { version: 0 },
            Err(Error::Internal(cause)) => Loaded::Failed(cause.into()),
            Err(_) => Loaded::Unavailable,
        }
    }

    /// Nobody waits for this.
    fn store_in_redis(&self, id: OrderId, view: &Arc<View>, redis: &RedisLink) {
        if redis.connection().is_none() || view.version < self.floor.of(id, Instant::now()) {
            return;
        }
        let (redis, key, view) = (redis.clone(), self.redis_key(id), view.clone());
        tokio::spawn(async move {
            let mut set = redis::pipe();
            set.cmd("SET").arg(key).arg(view.to_stored()).arg("PX").arg(FRESH.as_millis() as u64).ignore();
            let _: Option<()> = redis.run(&set).await;
        });
    }
}

impl Loaded {
    fn into_answer(self) -> Result<Arc<View>> {
        match self {
            Loaded::View(view) => Ok(view),
            Loaded::Hidden { .. } => Err(Error::NotFound),
            Loaded::Unavailable => Err(Error::DatabaseUnavailable),
            Loaded::Failed(cause) => Err(Error::Internal(cause.to_string())),
        }
    }
}
