//! The one wrapper around Redis, which is speed and never truth: whoever uses it gets an answer within a quarter of a
//! second or goes on without.
//!
//! Commands of all requests of a thread share one multiplexed connection: half of the speed of memory, where a pooled
//! connection for each is a sixth. Such a connection never comes back by itself, so a supervisor PINGs it each second and
//! replaces it when it is dead, or alive and silent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use deadpool_redis::redis::aio::{ConnectionLike, MultiplexedConnection};
use deadpool_redis::redis::{
    self, AsyncConnectionConfig, Client, FromRedisValue, IntoConnectionInfo, Pipeline, ProtocolVersion, PushInfo,
    PushKind, RedisError, RedisResult, Value,
};
use deadpool_redis::{Connection, Manager, Pool, Runtime};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Notify, mpsc};

/// The longest that anybody waits for Redis.
pub const TIME_LIMIT: Duration = Duration::from_millis(250);

/// To connect and to shake hands; nobody waits for this but the supervisor and the relay.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const PING_EVERY: Duration = Duration::from_secs(1);
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

#[derive(Clone)]
pub struct RedisLink {
    shared: Arc<Shared>,
}

struct Shared {
    /// Makes connections and keeps none.
    pool: Pool,
    /// For connections that listen: in RESP3 messages and commands share one.
    listening: Client,
    current: RwLock<Option<MultiplexedConnection>>,
    suspected: Arc<Notify>,
}

/// Who uses a connection. How each worker's is doing is of no interest while nobody looks for a fault: they share a Redis.
#[derive(Clone, Copy)]
enum UsedBy {
    Everybody,
    Worker,
}

impl RedisLink {
    /// Starts the supervisor; whether Redis is there or not makes no difference here. Fails when the URL is none.
    /// Must run within a tokio runtime.
    pub fn start(url: &SecretString) -> RedisResult<RedisLink> {
        let info = url.expose_secret().into_connection_info()?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(TIME_LIMIT));
        let manager = Manager::new_with_config(info.clone(), config)?;
        // Those of all threads may be made at once: none waits for another's handshake.
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let pool = Pool::builder(manager)
            .max_size(cores + 1)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(CONNECT_LIMIT))
            .wait_timeout(Some(CONNECT_LIMIT))
            .build()
            .map_err(|error| RedisError::from(std::io::Error::other(error)))?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let listening = Client::open(info.set_redis_settings(settings))?;
        Ok(RedisLink::supervised(pool, listening, UsedBy::Everybody))
    }

    /// The same Redis by a connection that the calling thread's runtime drives, for a worker. With one for all threads, each
    /// command wakes another thread, which wakes this one when there is an answer: cold reads are a tenth faster without.
    /// Must run within a tokio runtime.
    pub fn for_this_thread(&self) -> RedisLink {
        RedisLink::supervised(self.shared.pool.clone(), self.shared.listening.clone(), UsedBy::Worker)
    }

    fn supervised(pool: Pool, listening: Client, used_by: UsedBy) -> RedisLink {
        let shared = Arc::new(Shared { pool, listening, current: RwLock::new(None), suspected: Arc::default() });
        tokio::spawn(supervise(Arc::downgrade(&shared), shared.suspected.clone(), used_by));
        RedisLink { shared }
    }

    /// The shared connection, at once; none while Redis is away.
    pub fn connection(&self) -> Option<MultiplexedConnection> {
        self.shared.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs commands in one round trip; none when Redis is away, too slow, or says no.
    pub async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Option<T> {
        let mut connection = self.connection()?;
        match tokio::time::timeout(TIME_LIMIT, commands.query_async(&mut connection)).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                tracing::debug!(%error, "Redis refused");
                self.shared.suspected.notify_one();
                None
            }
            Err(_) => {
                self.shared.suspected.notify_one();
                None
            }
        }
    }

    /// Opens a connection of its own that hears what is published on `channel`. At most `capacity` messages wait; what
    /// does not fit is dropped, and the listener says so.
    pub async fn listen(&self, channel: &str, capacity: usize) -> RedisResult<Listener> {
        let (sender, messages) = mpsc::channel(capacity);
        let dropped = Arc::new(AtomicBool::new(false));
        let overflowed = dropped.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(CONNECT_LIMIT))
            .set_push_sender(move |push: PushInfo| {
                let heard = match push.kind {
                    PushKind::Message => payload(push.data).map(Heard::Message),
                    PushKind::Disconnection => Some(Heard::End),
                    _ => None,
                };
                if heard.is_some_and(|heard| sender.try_send(heard).is_err()) {
                    overflowed.store(true, Ordering::Relaxed);
                }
                Ok::<(), RedisError>(())
            });
        let subscribed = async {
            let mut connection = self.shared.listening.get_multiplexed_async_connection_with_config(&config).await?;
            connection.subscribe(channel).await?;
            RedisResult::Ok(connection)
        };
        let connection = tokio::time::timeout(CONNECT_LIMIT, subscribed)
            .await
            .map_err(|_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))??;
        Ok(Listener { connection, messages, dropped })
    }

    fn set(&self, connection: Option<MultiplexedConnection>) {
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

/// A connection that hears one channel.
pub struct Listener {
    connection: MultiplexedConnection,
    messages: mpsc::Receiver<Heard>,
    dropped: Arc<AtomicBool>,
}

enum Heard {
    Message(Vec<u8>),
    End,
}

impl Listener {
    /// The next message; none when the connection has ended. A connection that stalls says nothing at all.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        match self.messages.recv().await {
            Some(Heard::Message(payload)) => Some(payload),
            Some(Heard::End) | None => None,
        }
    }

    /// Were messages dropped since the last time?
    pub fn has_dropped(&self) -> bool {
        self.dropped.swap(false, Ordering::Relaxed)
    }

    /// Publishes on this very connection and does not wait for what comes of it.
    pub fn publish(&self, channel: &str, payload: &[u8]) {
        let mut connection = self.connection.clone();
        let command = redis::cmd("PUBLISH").arg(channel).arg(payload).to_owned();
        tokio::spawn(async move {
            if let Err(error) = connection.req_packed_command(&command).await {
                tracing::debug!(%error, "nothing could be published");
            }
        });
    }
}

/// The last of (channel, payload).
fn payload(mut data: Vec<Value>) -> Option<Vec<u8>> {
    match data.pop() {
        Some(Value::BulkString(payload)) => Some(payload),
        _ => None,
    }
}

/// Keeps a connection that answers in `current`, until the last [`RedisLink`] is dropped.
async fn supervise(shared: Weak<Shared>, suspected: Arc<Notify>, used_by: UsedBy) {
    let mut pause = PAUSES.0;
    let mut told = false;
    loop {
        let Some(link) = shared.upgrade().map(|shared| RedisLink { shared }) else { return };
        match tokio::time::timeout(CONNECT_LIMIT, link.shared.pool.get()).await {
            Ok(Ok(pooled)) => {
                let connection = Connection::take(pooled);
                link.set(Some(connection.clone()));
                drop(link);
                match used_by {
                    UsedBy::Everybody => tracing::info!("Redis is there"),
                    UsedBy::Worker => tracing::debug!("Redis is there, for a worker"),
                }
                (pause, told) = (PAUSES.0, false);
                watch(connection, &suspected, &shared).await;
                let Some(link) = shared.upgrade().map(|shared| RedisLink { shared }) else { return };
                match used_by {
                    UsedBy::Everybody => tracing::warn!("Redis does not answer: going on without"),
                    UsedBy::Worker => tracing::debug!("Redis does not answer a worker"),
                }
                link.set(None);
            }
            Ok(Err(error)) if !told => {
                told = true;
                match used_by {
                    UsedBy::Everybody => tracing::warn!(%error, "Redis can't be reached: going on without"),
                    UsedBy::Worker => tracing::debug!(%error, "Redis can't be reached by a worker"),
                }
            }
            _ => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Returns when the connection does not answer any more, or nobody uses it.
async fn watch(mut connection: MultiplexedConnection, suspected: &Notify, shared: &Weak<Shared>) {
    while shared.strong_count() > 0 {
        // Whoever had no luck with it asks to have it looked at now.
        let _ = tokio::time::timeout(PING_EVERY, suspected.notified()).await;
        let ping = redis::cmd("PING");
        match tokio::time::timeout(TIME_LIMIT, connection.req_packed_command(&ping)).await {
            Ok(Ok(_)) => {}
            _ => return,
        }
    }
}
