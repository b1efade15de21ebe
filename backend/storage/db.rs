//! The one door to Postgres: few connections, as many threads with a short queue of their own, an async queue in front of
//! that, and a limit of two seconds however Postgres behaves.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::{self, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// How long a request waits for the database before it gets its 503.
pub const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Two a core. On two cores, 4 did as much as 8, and what 8 readers waited for had a p99 of 9 ms instead of 40; 16 without
/// the queue had 300–500 ms.
const CONNECTIONS_A_CORE: usize = 2;
/// One that is at work, and one that is next.
const PERMITS_A_CONNECTION: usize = 2;
/// Postgres allows a hundred by itself, for all replicas together.
const CONNECTIONS: std::ops::RangeInclusive<usize> = 4..=24;

#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Manager>,
    threads: Arc<Threads>,
    permits: Arc<Semaphore>,
    /// How many may search or count at once: it takes long, and others want to read meanwhile.
    long_ones: Arc<Semaphore>,
}

impl Db {
    /// Connects lazily; the first to need a connection opens it.
    pub fn new(database_url: &SecretString) -> io::Result<Db> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let connections = (cores * CONNECTIONS_A_CORE).clamp(*CONNECTIONS.start(), *CONNECTIONS.end());
        let pool = r2d2::Pool::builder()
            .max_size(connections as u32)
            .min_idle(Some(1))
            // Half of the limit, so that what waits for a new connection still gets its answer in time.
            .connection_timeout(TIME_LIMIT / 2)
            // A `SELECT 1` before each query would double the round trips; a dead connection shows itself.
            .test_on_check_out(false)
            .build_unchecked(Manager { url: database_url.clone() });
        Ok(Db {
            pool,
            threads: Arc::new(Threads::new(connections)?),
            permits: Arc::new(Semaphore::new(connections * PERMITS_A_CONNECTION)),
            long_ones: Arc::new(Semaphore::new(connections / 2)),
        })
    }

    /// How many statements run at once.
    pub fn connections(&self) -> usize {
        self.pool.max_size() as usize
    }

    /// Runs something that writes nothing; on a connection that turns out dead it is run again on another one. It runs in a
    /// thread for what blocks: what it would spawn never runs.
    pub async fn read<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T> + Send + 'static,
    {
        self.read_until(Instant::now() + TIME_LIMIT, || Error::DatabaseUnavailable, query).await
    }

    async fn read_until<T, F>(&self, deadline: Instant, late: fn() -> Error, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T> + Send + 'static,
    {
        self.within_limits(deadline, (late(), late()), move |pool, claim| {
            if !claim.take() {
                return Err(Error::DatabaseUnavailable);
            }
            // All that are open may be dead: one more is a new one.
            for _ in 0..=pool.max_size() {
                let mut connection = checkout(pool)?;
                match query(&mut connection.pg) {
                    Err(Error::DatabaseUnavailable) => connection.broken = true,
                    answer => return answer,
                }
            }
            Err(Error::DatabaseUnavailable)
        })
        .await
    }

    /// [`Db::read`] with the time at which nobody waits for the answer any more. What may take long, because texts are
    /// searched or orders counted, waits for its turn among its like; and where that is too long, it is
    /// [`Error::Overloaded`].
    pub async fn list<T, F>(&self, takes_long: bool, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection, Instant) -> Result<T> + Send + 'static,
    {
        let deadline = Instant::now() + TIME_LIMIT;
        if !takes_long {
            return self.read(move |connection| query(connection, deadline)).await;
        }
        let turn = self.turn(deadline).await?;
        let in_turn = move |connection: &mut _| {
            // Goes with the thread, as the permit does.
            let _turn = &turn;
            query(connection, deadline)
        };
        self.read_until(deadline, || Error::Overloaded, in_turn).await
    }

    /// [`Db::write`] of what takes long, which waits for its turn as in [`Db::list`].
    pub async fn write_much<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T> + Send + 'static,
    {
        let turn = self.turn(Instant::now() + TIME_LIMIT / 2).await?;
        self.write(move |connection| {
            let _turn = turn;
            change(connection)
        })
        .await
    }

    async fn turn(&self, deadline: Instant) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout_at(deadline.into(), self.long_ones.clone().acquire_owned()).await;
        turn.map_err(|_| Error::Overloaded)?.map_err(|_| Error::Draining)
    }

    /// Runs something in a transaction, once. When the limit passes or the connection is lost while it commits, nobody
    /// knows how it ended.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T> + Send + 'static,
    {
        let late = (Error::DatabaseUnavailable, Error::OutcomeUnknown);
        self.within_limits(Instant::now() + TIME_LIMIT, late, move |pool, claim| {
            let mut connection = checkout_alive(pool)?;
            // Who was told that nothing is written must be able to rely on it.
            if !claim.take() {
                return Err(Error::DatabaseUnavailable);
            }
            let mut committing = false;
            let answer = connection.pg.transaction(|pg| {
                let value = change(pg)?;
                committing = true;
                Ok(value)
            });
            connection.broken = committing && answer.is_err() || matches!(answer, Err(Error::DatabaseUnavailable));
            if committing { answer.map_err(|_| Error::OutcomeUnknown) } else { answer }
        })
        .await
    }

    /// The queue, the thread and the limit. The permit goes with the work: a thread that Postgres holds up keeps it, and
    /// behind that no more piles up than is next. What is too late has its error if it was not begun, and another if it was;
    /// what nobody waits for any more is not begun.
    async fn within_limits<T, F>(&self, deadline: Instant, late: (Error, Error), work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&r2d2::Pool<Manager>, &Claim) -> Result<T> + Send + 'static,
    {
        let claim = Arc::new(Claim::default());
        let asking = Asking(claim.clone());
        let limited = tokio::time::timeout_at(deadline.into(), async {
            let permit = self.permits.clone().acquire_owned().await.map_err(|_| Error::Draining)?;
            let pool = self.pool.clone();
            let span = tracing::Span::current();
            let work = move || {
                let _permit = permit;
                if claim.is_abandoned() {
                    return Err(Error::DatabaseUnavailable);
                }
                span.in_scope(|| work(&pool, &claim))
            };
            self.threads.run(work).await
        });
        match limited.await {
            Ok(answer) => answer,
            Err(_) if asking.0.abandon() => Err(late.0),
            Err(_) => Err(late.1),
        }
    }
}

/// Who asked and waits. Whoever goes, with a client that hangs up, wants nothing begun any more.
struct Asking(Arc<Claim>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// One thread for each connection, in which all that waits for Postgres is done. What a thread does next is in their own
/// queue already. Were it waiting for a permit, its request's thread would have to wake up before it could begin, and the
/// connection would do nothing meanwhile.
struct Threads {
    /// Some until dropped. Of a runtime these are the part that has threads for what blocks, as many as it is told.
    runtime: Option<Runtime>,
}

impl Threads {
    fn new(count: usize) -> io::Result<Threads> {
        let runtime =
            runtime::Builder::new_current_thread().thread_name("queries").max_blocking_threads(count).build()?;
        Ok(Threads { runtime: Some(runtime) })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let runtime = self.runtime.as_ref().ok_or(Error::Draining)?;
        let done = runtime.spawn_blocking(work).await;
        done.unwrap_or_else(|panic| Err(Error::Internal(format!("a query panicked: {panic}"))))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // By itself it would wait for its threads, which it refuses to do within another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether work is still waiting, was taken up, or was given up by who asked. Only one of them gets it.
#[derive(Default)]
pub struct Claim(AtomicU8);

impl Claim {
    const WAITING: u8 = 0;
    const TAKEN: u8 = 1;
    const ABANDONED: u8 = 2;

    /// For who does the work: true if nobody has given it up.
    pub fn take(&self) -> bool {
        self.0.compare_exchange(Self::WAITING, Self::TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    pub fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::ABANDONED
    }

    /// For who asked: true if it will not be done.
    pub fn abandon(&self) -> bool {
        self.0.compare_exchange(Self::WAITING, Self::ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

fn checkout(pool: &r2d2::Pool<Manager>) -> Result<r2d2::PooledConnection<Manager>> {
    pool.get().map_err(|error| {
        tracing::warn!(%error, "no connection to Postgres");
        Error::DatabaseUnavailable
    })
}

/// A connection that answers: what writes can't be tried twice.
fn checkout_alive(pool: &r2d2::Pool<Manager>) -> Result<r2d2::PooledConnection<Manager>> {
    for _ in 0..=pool.max_size() {
        let mut connection = checkout(pool)?;
        if connection.pg.batch_execute("SELECT 1").is_ok() {
            return Ok(connection);
        }
        connection.broken = true;
    }
    Err(Error::DatabaseUnavailable)
}

/// Opens one connection with the limits that each of ours has.
pub fn connect(url: &SecretString) -> ConnectionResult<PgConnection> {
    let separator = if url.expose_secret().contains('?') { '&' } else { '?' };
    // The keepalives end a connection whose peer has vanished without a word; on a Unix socket they mean nothing.
    let url = format!(
        "{}{separator}connect_timeout=2&application_name=order-tracker\
         &keepalives_idle=5&keepalives_interval=2&keepalives_count=3&tcp_user_timeout=10000",
        url.expose_secret()
    );
    let mut pg = PgConnection::establish(&url)?;
    // Compiling a plan takes 0.1 to 0.2 s, which none of our statements would save. What is read again and again is in
    // memory, where any page costs the same: with 200 accounts, Postgres read all of them to find the owner's name.
    pg.batch_execute(
        "SET TIME ZONE 'UTC'; SET statement_timeout = '2s'; SET lock_timeout = '1500ms'; \
         SET idle_in_transaction_session_timeout = '10s'; SET jit = off; SET random_page_cost = 1.1",
    )
    .map_err(ConnectionError::CouldntSetupConfiguration)?;
    // Time-outs and deadlocks are known by their words (diesel does not give SQLSTATE); only superusers may choose the
    // language, others have it checked by `speaks_english`.
    let _ = pg.batch_execute("SET lc_messages = 'C'");
    Ok(pg)
}

pub const LANGUAGE_ADVICE: &str = "Postgres words its errors in another language: time-outs will be answered with 500 instead of \
     503. As a superuser: ALTER DATABASE … SET lc_messages = 'C'";

/// False when Postgres words its errors in another language than the one that we recognise.
pub fn speaks_english(connection: &mut PgConnection) -> QueryResult<bool> {
    let language: String = diesel::select(sql::<Text>("current_setting('lc_messages')")).get_result(connection)?;
    Ok(["", "C", "POSIX"].contains(&language.as_str()) || language.starts_with("C.") || language.starts_with("en"))
}

/// Runs one statement that ends at the deadline, as [`Error::Overloaded`], so that none is gone on with for nobody.
pub fn until<T>(
    deadline: Instant,
    connection: &mut PgConnection,
    read: impl FnOnce(&mut PgConnection) -> Result<T>,
) -> Result<T> {
    connection.transaction(|connection| {
        connection.batch_execute(&statement_timeout(deadline)?)?;
        read(connection)
    })
}

/// The setting by which no statement of a transaction outlasts the deadline that begins now.
pub fn statement_timeout(deadline: Instant) -> Result<String> {
    match deadline.saturating_duration_since(Instant::now()).as_millis() {
        0 => Err(Error::Overloaded),
        left => Ok(format!("SET LOCAL statement_timeout = {left}")),
    }
}

struct Manager {
    url: SecretString,
}

struct Pooled {
    pg: PgConnection,
    broken: bool,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<Pooled> {
        Ok(Pooled { pg: connect(&self.url)?, broken: false })
    }

    fn is_valid(&self, connection: &mut Pooled) -> ConnectionResult<()> {
        connection.pg.batch_execute("SELECT 1").map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        // Diesel by itself only notices what breaks within a transaction.
        connection.broken || std::thread::panicking() || diesel::r2d2::R2D2Connection::is_broken(&mut connection.pg)
    }
}
