//! The one door to Postgres: few connections, an async queue in front of the blocking threads, and a limit of two
//! seconds however Postgres behaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// How long a request waits for the database before it gets its 503.
pub const TIME_LIMIT: Duration = Duration::from_secs(2);

/// About four a core: 16 on two cores had a p99 of 300–500 ms where 8 behind the queue had 18–35 ms.
const CONNECTIONS: u32 = 8;

#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Manager>,
    permits: Arc<Semaphore>,
}

impl Db {
    /// Connects lazily: a server whose database is away starts, and says so in `/readyz`.
    pub fn new(database_url: &SecretString) -> Db {
        let pool = r2d2::Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(1))
            // Half of the limit, so that what waits for a new connection still gets its answer in time.
            .connection_timeout(TIME_LIMIT / 2)
            // A `SELECT 1` before each query would double the round trips; a dead connection shows itself.
            .test_on_check_out(false)
            .build_unchecked(Manager { url: database_url.clone() });
        Db { pool, permits: Arc::new(Semaphore::new(CONNECTIONS as usize)) }
    }

    /// Runs something that writes nothing; on a connection that turns out dead it is run again on another one.
    pub async fn read<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> Result<T> + Send + 'static,
    {
        self.within_limits(Error::DatabaseUnavailable, move |pool, _| {
            for _ in 0..CONNECTIONS {
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

    /// Runs something in a transaction, once. When the limit passes while it runs, nobody knows how it ends.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T> + Send + 'static,
    {
        self.within_limits(Error::OutcomeUnknown, move |pool, started| {
            let mut connection = checkout_alive(pool)?;
            started.store(true, Ordering::Relaxed);
            let answer = connection.pg.transaction(change);
            connection.broken = matches!(answer, Err(Error::DatabaseUnavailable));
            answer
        })
        .await
    }

    /// The queue, the blocking thread and the limit. The permit goes with the thread: a thread that Postgres holds up
    /// keeps it, so that no more than CONNECTIONS ever hang.
    async fn within_limits<T, F>(&self, late: Error, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&r2d2::Pool<Manager>, &AtomicBool) -> Result<T> + Send + 'static,
    {
        let started = Arc::new(AtomicBool::new(false));
        let has_started = started.clone();
        let limited = tokio::time::timeout(TIME_LIMIT, async {
            let permit = self.permits.clone().acquire_owned().await.map_err(|_| Error::Draining)?;
            let pool = self.pool.clone();
            let span = tracing::Span::current();
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                span.in_scope(|| work(&pool, &started))
            })
            .await
            .unwrap_or_else(|panic| Err(Error::Internal(format!("a query panicked: {panic}"))))
        });
        match limited.await {
            Ok(answer) => answer,
            Err(_) if has_started.load(Ordering::Relaxed) => Err(late),
            Err(_) => Err(Error::DatabaseUnavailable),
        }
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
    for _ in 0..CONNECTIONS {
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
    let url = format!("{}{separator}connect_timeout=2&application_name=order-tracker", url.expose_secret());
    let mut pg = PgConnection::establish(&url)?;
    pg.batch_execute(
        "SET TIME ZONE 'UTC'; SET statement_timeout = '5s'; SET lock_timeout = '1500ms'; \
         SET idle_in_transaction_session_timeout = '10s'",
    )
    .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(pg)
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
