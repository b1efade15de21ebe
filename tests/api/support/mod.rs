//! What tests stand on: a server of their own, people who use it, and the contract that every answer is checked against.

// Not every file of tests uses everything.
#![allow(dead_code)]

pub mod client;
pub mod contract;
pub mod database;
pub mod machine;
pub mod people;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod services;
pub mod socket;
pub mod tokens;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use order_tracker::config::Config;
use order_tracker::domain::ids::OrderId;
use order_tracker::domain::order::{EventRequest, Step};
use order_tracker::journal::{Entry, Journal};
use order_tracker::server::Server;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

pub use client::{Reply, Request, encode};
pub use database::Database;
pub use machine::Machine;
pub use people::{Order, Person};
pub use serde_json::json;
pub use socket::{Socket, Watcher};

pub const JWT_SECRET: &str = "a secret that only the tests know, 32 bytes";

/// One system under test: a database and a Redis prefix of its own, and as many replicas as the test wants.
pub struct TestApp {
    /// Of the first replica: `http://127.0.0.1:port`.
    pub base: String,
    pub database: Database,
    settings: HashMap<&'static str, String>,
    http: reqwest::Client,
    // Before the database: fields are dropped in this order, after `drop` below has stopped the servers.
    servers: Mutex<Vec<RunningServer>>,
}

/// Another server process' worth of server on the same database, Redis and prefix.
pub struct Replica {
    pub base: String,
}

impl TestApp {
    pub async fn start() -> TestApp {
        TestApp::start_with(|_| {}).await
    }

    /// With other settings than the usual ones, by the names of their environment variables.
    pub async fn start_with(change: impl FnOnce(&mut HashMap<&'static str, String>)) -> TestApp {
        TestApp::start_on(Database::cloned(), change).await
    }

    pub async fn start_on(database: Database, change: impl FnOnce(&mut HashMap<&'static str, String>)) -> TestApp {
        let mut settings = usual_settings(&database);
        change(&mut settings);
        let server = RunningServer::start(&settings).await;
        TestApp {
            base: format!("http://{}", server.address),
            database,
            settings,
            http: http_client(),
            servers: Mutex::new(vec![server]),
        }
    }

    pub async fn replica(&self) -> Replica {
        self.replica_with(|_| {}).await
    }

    pub async fn replica_with(&self, change: impl FnOnce(&mut HashMap<&'static str, String>)) -> Replica {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let server = RunningServer::start(&settings).await;
        let base = format!("http://{}", server.address);
        self.servers.lock().expect("no test panics in here").push(server);
        Replica { base }
    }

    /// Stops the first server, as a deployment does; the replicas go on.
    pub async fn stops_first(&self) {
        let first = self.servers.lock().expect("no test panics in here").remove(0);
        // Whoever is connected to it is told while we wait.
        tokio::task::spawn_blocking(|| drop(first)).await.expect("it stops");
    }

    pub fn setting(&self, name: &str) -> &str {
        &self.settings[name]
    }

    /// The settings, for a process that is started from the binary.
    pub fn environment(&self) -> &HashMap<&'static str, String> {
        &self.settings
    }

    // ---- People ----

    /// Somebody who registers.
    pub async fn user(&self, name: &str) -> Person {
        Person::registers(&self.base, name).await
    }

    pub async fn mover(&self, name: &str) -> Person {
        self.moving_account(name, "mover").await
    }

    pub async fn admin(&self, name: &str) -> Person {
        self.moving_account(name, "admin").await
    }

    /// Invitations have tests of their own; this is the short way.
    async fn moving_account(&self, name: &str, role: &str) -> Person {
        let email = people::email_of(name, "movers");
        self.database.run(&format!(
            "INSERT INTO accounts (id, realm, role, email, name, password_hash) VALUES \
             ('{}', 'movers', '{role}', '{email}', '{name}', '{}')",
            uuid::Uuid::now_v7(),
            *people::PASSWORD_HASH
        ));
        Person::logs_in(&self.base, "movers", &email, people::PASSWORD).await
    }

    /// Public notes, written as by a server that dies after each commit.
    pub async fn adds_unannounced(&self, mover: &Person, order: &Order, count: usize) {
        let dumb = Journal::start(&SecretString::from(self.database.url.clone()), |_| {}).expect("a journal");
        let order_id = OrderId::parse(&order.id).expect("an order ID");
        let mover_id = mover.id.parse().expect("an account's ID");
        for number in 0..count {
            let request = EventRequest { message: Some(format!("message {number}")), ..EventRequest::new(Step::Note) };
            dumb.append(mover_id, Entry::Record { order_id, request }).await.expect("it is written");
        }
        dumb.close();
    }

    // ---- Without an account ----

    /// A request of nobody in particular; `path` is below `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request::new(&self.http, &self.base, method, &format!("/api/v1{path}"))
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: Value) -> Request {
        self.request(Method::POST, path).json(&body)
    }

    /// The public view.
    pub fn track(&self, id: &str) -> Request {
        self.get(&format!("/track/{}", encode(id)))
    }

    /// What is not below `/api/v1`.
    pub fn page(&self, path: &str) -> Request {
        Request::new(&self.http, &self.base, Method::GET, path)
    }

    pub async fn socket(&self) -> Socket {
        Socket::open(&self.base).await
    }

    /// Watches the public events of an order from its beginning.
    pub async fn watch_public(&self, id: &str) -> Watcher {
        self.socket().await.watch(&format!("track:{id}"), None).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.servers.get_mut().map(|servers| servers.clear()).ok();
    }
}

impl Replica {
    pub fn get(&self, path: &str) -> Request {
        Request::new(&http_client(), &self.base, Method::GET, &format!("/api/v1{path}"))
    }

    pub async fn socket(&self) -> Socket {
        Socket::open(&self.base).await
    }

    pub async fn watch_public(&self, id: &str) -> Watcher {
        self.socket().await.watch(&format!("track:{id}"), None).await
    }
}

pub fn usual_settings(database: &Database) -> HashMap<&'static str, String> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let prefix = format!("ot-test:{}:{}:", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    HashMap::from([
        ("BIND_ADDR", "127.0.0.1:0".to_owned()),
        ("DATABASE_URL", database.url.clone()),
        ("REDIS_URL", database::from_environment("TEST_REDIS_URL")),
        ("REDIS_PREFIX", prefix),
        ("JWT_SECRET", JWT_SECRET.to_owned()),
        ("BCRYPT_COST", "4".to_owned()),
        ("RATE_LIMITS", "off".to_owned()),
        ("DRAIN_NOTICE", "0".to_owned()),
        ("DRAIN_TIMEOUT", "1".to_owned()),
        // API only.
        ("FRONTEND_DIR", "/nonexistent".to_owned()),
    ])
}

/// A client without cookies.
pub fn http_client() -> reqwest::Client {
    client_builder().build().expect("a client")
}

pub fn client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // Well before the server closes idle connections: a request that meets the closing is lost.
        .pool_idle_timeout(Duration::from_secs(1))
}

/// A server in a thread of its own, until dropped.
struct RunningServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    stopped: std::sync::mpsc::Receiver<()>,
}

impl RunningServer {
    async fn start(settings: &HashMap<&'static str, String>) -> RunningServer {
        log_when_asked_to();
        let mut config = Config::from_lookup(|name| settings.get(name).cloned()).expect("well-formed settings");
        config.workers = 1;
        let (started, has_started) = oneshot::channel();
        let (stop, told_to_stop) = oneshot::channel::<()>();
        let (has_stopped, stopped) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                match Server::start(config).await {
                    Ok(server) => {
                        started.send(Ok(server.address())).ok();
                        told_to_stop.await.ok();
                        let _ = server.stop().await;
                    }
                    Err(error) => {
                        started.send(Err(error)).ok();
                    }
                }
            });
            has_stopped.send(()).ok();
        });
        let address = has_started.await.expect("the server's thread lives").expect("the server starts");
        RunningServer { address, stop: Some(stop), stopped }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        // Its database is dropped next, in any case.
        self.stopped.recv_timeout(Duration::from_secs(10)).ok();
    }
}

/// `TEST_LOG=1 cargo test … -- --nocapture` shows what the servers log.
fn log_when_asked_to() {
    if std::env::var_os("TEST_LOG").is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(std::io::stderr).try_init().ok();
    }
}

/// For tests that keep both cores busy: one at a time.
pub async fn heavy() -> SemaphorePermit<'static> {
    static ONE: Semaphore = Semaphore::const_new(1);
    ONE.acquire().await.expect("never closed")
}

/// For another program, which is to listen on it. Not one of those that the kernel gives to connections and listeners.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(20_000..30_000);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Asks again until the answer is yes.
#[track_caller]
pub fn eventually(what: &'static str, mut is_so: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let start = Instant::now();
        while !is_so().await {
            assert!(start.elapsed() < client::PATIENCE, "{caller}: {what}: not within {:?}", client::PATIENCE);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
