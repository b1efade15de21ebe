//! Putting it together: what the handlers share, and a server that starts, serves and drains.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::{ServerHandle, Service, ServiceResponse};
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::middleware::Condition;
use actix_web::rt::net::TcpStream;
use actix_web::{App as ActixApp, HttpMessage, HttpServer, web};

use socket2::SockRef;

use crate::api::counts::CountsCache;
use crate::api::routes;
use crate::auth::api_keys::ApiKeys;
use crate::auth::passwords::Passwords;
use crate::auth::revocations::Revocations;
use crate::auth::sweeper::Sweeper;
use crate::auth::tokens::Tokens;
use crate::config::Config;
use crate::journal::Journal;
use crate::limits::{Limits, Verdict};
use crate::live::Live;
use crate::live::horizon::Horizon;
use crate::redis_link::RedisLink;
use crate::storage::db::Db;
use crate::storage::{db, migrations};
use crate::track::TrackCache;
use crate::unread::Unread;
use crate::webhooks::Webhooks;
use crate::webhooks::address::Guard;

/// What handlers share; reached as `web::Data<App>`.
pub struct App {
    pub config: Config,
    pub db: Db,
    pub tokens: Tokens,
    pub passwords: Passwords,
    pub api_keys: Arc<ApiKeys>,
    pub revocations: Arc<Revocations>,
    pub journal: Journal,
    pub live: Arc<Live>,
    pub track: Arc<TrackCache>,
    pub counts: CountsCache,
    pub limits: Arc<Limits>,
    pub horizon: Arc<Horizon>,
    pub webhooks: Webhooks,
    /// Where webhooks may lead.
    pub webhook_guard: Guard,
    /// Set by `Server::stop`: `/readyz` says 503 while all else goes on.
    pub draining: AtomicBool,
    /// Ends with it.
    _sweeper: Sweeper,
}

/// A running server. Dropping it does not stop it; `stop` does.
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    app: web::Data<App>,
    running: tokio::task::JoinHandle<io::Result<()>>,
}

impl Server {
    /// Migrates, binds and serves; returns once requests are answered. Must run within an actix system.
    pub async fn start(config: Config) -> io::Result<Server> {
        migrate(&config).await?;
        let listener = std::net::TcpListener::bind(config.bind_addr)?;
        let address = listener.local_addr()?;

        let db = Db::new(&config.database_url)?;
        let redis = RedisLink::start(&config.redis_url).map_err(io::Error::other)?;
        let limits = Limits::start(config.rate_limits, redis.clone(), &config.redis_prefix);
        let track = Arc::new(TrackCache::new(db.clone(), &config.redis_prefix));
        let live = Live::start(db.clone(), redis.clone(), track.clone(), &config.redis_prefix).await;
        let revocations = Revocations::start(db.clone()).await;
        let sweeper = Sweeper::start(db.clone());
        let announcer = live.clone();
        let journal = Journal::start(&config.database_url, move |announcements| announcer.announce(announcements))?;
        let workers = config.workers;
        let horizon = Horizon::new(db.clone());
        let webhook_guard = Guard::new(&config.webhook_allow);
        let webhooks =
            Webhooks::start(db.clone(), webhook_guard.clone(), live.committed.clone()).map_err(io::Error::other)?;
        let app = web::Data::new(App {
            tokens: Tokens::new(&config.jwt_secret),
            passwords: Passwords::new(config.bcrypt_cost),
            api_keys: Arc::new(ApiKeys::new(db.clone())),
            config,
            db,
            revocations,
            journal,
            live,
            track,
            counts: CountsCache::new(),
            limits,
            horizon,
            webhooks,
            webhook_guard,
            draining: AtomicBool::new(false),
            _sweeper: sweeper,
        });

        let shared = app.clone();
        let server = HttpServer::new(move || {
            let draining = shared.clone();
            ActixApp::new()
                .wrap_fn(move |mut request, service| {
                    let draining = draining.clone();
                    let unread = Unread::of(&mut request);
                    let answering = service.call(request);
                    async move {
                        let response = tell_limits(close_if_draining(&draining, answering.await?));
                        Ok(match unread {
                            Some(unread) => response.map_body(|_, body| unread.outlasts(body)),
                            None => response,
                        })
                    }
                })
                .wrap(Condition::new(!shared.config.allowed_origins.is_empty(), cors(&shared.config)))
                .app_data(shared.clone())
                // What each worker has for itself, unlike what is in `App`.
                .app_data(web::Data::new(redis.for_this_thread()))
                .configure(|config| routes::configure(config, &shared))
        })
        .on_connect(|connection, _| limit_silence(connection))
        .keep_alive(KEPT_OPEN)
        .workers(workers)
        .shutdown_timeout(app.config.drain_timeout.as_secs().max(1))
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        let running = tokio::task::spawn_local(server);
        Ok(Server { address, handle, app, running })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when the server ends by itself, which it should not. Once.
    pub async fn ended(&mut self) -> io::Error {
        match (&mut self.running).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) => io::Error::other("the server has ended"),
            Err(panic) => io::Error::other(panic),
        }
    }

    pub fn app(&self) -> &web::Data<App> {
        &self.app
    }

    /// Drains: first `/readyz` alone says so, that a balancer turns away; then sockets are closed, spread out so that
    /// their clients do not all return in the same instant, requests in flight finish, and the journal writes what waits.
    /// DRAIN_TIMEOUT after it was called it returns, whatever is still open.
    pub async fn stop(self) -> io::Result<()> {
        let (notice, timeout) = (self.app.config.drain_notice, self.app.config.drain_timeout);
        self.app.draining.store(true, Ordering::Relaxed);
        tokio::time::sleep(notice).await;
        let limit = timeout.saturating_sub(notice);
        let Ok(drained) = tokio::time::timeout(limit, self.drain(limit)).await else {
            tracing::warn!("not everything has ended after {timeout:?}: leaving all the same");
            return Ok(());
        };
        drained
    }

    async fn drain(self, limit: Duration) -> io::Result<()> {
        let window = (limit / 6).min(Duration::from_secs(5));
        // From here on, connections are refused: whoever is sent away finds another replica.
        let closing =
            async { tokio::join!(self.app.live.drain(window), self.handle.stop(true), self.app.webhooks.stop()) };
        // One that hangs must not take the time in which the journal writes.
        let closed = tokio::time::timeout(limit * 2 / 3, closing).await;
        let app = self.app.clone();
        tokio::task::spawn_blocking(move || app.journal.close()).await.map_err(io::Error::other)?;
        if closed.is_err() {
            tracing::warn!("not all connections have ended: the journal has, and these are cut off");
            return Ok(());
        }
        self.running.await.map_err(io::Error::other)?
    }
}

/// While the server drains, a connection that is kept open ends with its next answer: a client that asks again and again
/// would otherwise be cut off in the middle of some request.
fn close_if_draining<B>(app: &App, mut response: ServiceResponse<B>) -> ServiceResponse<B> {
    if app.draining.load(Ordering::Relaxed) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

fn tell_limits<B>(mut response: ServiceResponse<B>) -> ServiceResponse<B> {
    let verdict = response.request().extensions().get::<Verdict>().copied();
    if let Some(verdict) = verdict {
        verdict.tell(response.headers_mut());
    }
    response
}

/// How long a connection stays open between requests: longer than balancers keep theirs (60 s at most, by default), because
/// whoever sends a request in the moment in which the other side closes loses it. Draining closes idle ones at once.
const KEPT_OPEN: Duration = Duration::from_secs(75);

/// How long a peer may leave unread what it was sent. actix knows no limit for writing: a socket whose client has stopped
/// reading would keep its connection and the kernel's buffers for as long as it likes.
const UNREAD_AT_MOST: Duration = Duration::from_secs(60);

fn limit_silence(connection: &dyn Any) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(UNREAD_AT_MOST))
    {
        tracing::debug!(%error, "no limit for unread data");
    }
}

/// Lets pages of ALLOWED_ORIGINS call the API, with the refresh cookie where it is same-site.
fn cors(config: &Config) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER])
        .expose_headers(["idempotency-replayed", "ratelimit", "ratelimit-policy"])
        .supports_credentials()
        .max_age(3600);
    config.allowed_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// How long Postgres may take to let us in when the server starts. Migrations take as long as they take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Brings the database up to date before anything is served.
async fn migrate(config: &Config) -> io::Result<()> {
    let url = config.database_url.clone();
    let connecting = tokio::task::spawn_blocking(move || db::connect(&url).map_err(io::Error::other));
    let connected = tokio::time::timeout(CONNECT_LIMIT, connecting).await;
    let mut connection =
        connected.map_err(|_| io::Error::other("Postgres does not answer"))?.map_err(io::Error::other)??;
    let migrating = move || {
        if !db::speaks_english(&mut connection).unwrap_or(true) {
            tracing::warn!("{}", db::LANGUAGE_ADVICE);
        }
        migrations::run(&mut connection).map_err(io::Error::other)
    };
    tokio::task::spawn_blocking(migrating).await.map_err(io::Error::other)?
}
