//! The program's command line, its start and its end.

use std::collections::HashMap;
use std::process::Output;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use crate::support::people::Person;
use crate::support::process::{Process, program};
use crate::support::proxy::{Proxy, Traffic};
use crate::support::{Database, Socket, TestApp, eventually, http_client, json, usual_settings};

/// What a busy machine adds.
const BUSY: Duration = Duration::from_secs(3);

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    program(arguments).envs(settings.iter().copied()).output().expect("the program runs")
}

#[tokio::test]
async fn invite_prints_one_link_that_works_once() {
    let app = TestApp::start().await;
    let url = app.database.url.clone();
    for (arguments, role) in [(vec!["invite", "--admin"], "admin"), (vec!["invite"], "mover")] {
        let output = run(&arguments, &[("DATABASE_URL", &url), ("PUBLIC_URL", "https://track.example")]);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(printed.starts_with("https://track.example/movers/join#"), "{printed}");
        assert!(printed.ends_with('\n') && printed.lines().count() == 1, "{printed:?}");
        let somebody = Person::joins(&app, printed.trim(), "Ada").await;
        assert_eq!(somebody.get("/me").await.expect(200)["role"], role);
    }
    let ada = app.admin("Ada").await;
    let listed = ada.get("/movers/invitations").await.expect(200);
    assert!(listed.data().iter().all(|invitation| invitation["invited_by"].is_null()));
}

#[test]
fn invite_says_on_stderr_what_is_wrong() {
    let output = run(&["invite", "--admin"], &[("DATABASE_URL", "postgres://nobody@/nothing?host=/nonexistent")]);
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    assert!(!output.stderr.is_empty());
    let empty = Database::empty();
    let output = run(&["invite", "--admin"], &[("DATABASE_URL", &empty.url)]);
    assert!(!output.status.success() && output.stdout.is_empty(), "a database that is not migrated");
}

#[test]
fn wrong_settings_are_refused_all_at_once() {
    let output = run(&["serve"], &[("BIND_ADDR", "here"), ("JWT_SECRET", "short"), ("BCRYPT_COST", "99")]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    for name in ["BIND_ADDR", "JWT_SECRET", "BCRYPT_COST", "DATABASE_URL", "REDIS_URL"] {
        assert!(said.contains(name), "{name} is missing in {said}");
    }
    assert!(!said.contains("\"short\""), "no secret is repeated");
}

#[test]
fn migrate_brings_an_empty_database_up_to_date() {
    let database = Database::empty();
    for _ in 0..2 {
        let output = run(&["migrate"], &[("DATABASE_URL", &database.url)]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(database.number("SELECT count(*) FROM orders"), 0);
}

/// What a demo shows is there for whoever signs in as it says, and it is written once.
#[tokio::test]
async fn demo_fills_in_orders_and_says_how_to_see_them() {
    let app = TestApp::start().await;
    let settings = [("DATABASE_URL", app.database.url.as_str()), ("BCRYPT_COST", "4")];
    let output = run(&["demo"], &settings);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    for (realm, line) in ["users", "movers"].into_iter().zip(printed.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, email, password] = words[..] else { panic!("{line}") };
        let person = Person::logs_in(&app.base, realm, email, password).await;
        let orders = person.get("/orders").await.expect(200);
        let mut statuses: Vec<&str> =
            orders.data().iter().map(|order| crate::support::client::text(&order["status"])).collect();
        statuses.sort();
        assert_eq!(statuses, ["cancelled", "completed", "created", "in_progress", "on_hold", "started"]);
    }
    let again = run(&["demo"], &settings);
    assert!(!again.status.success() && again.stdout.is_empty());
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing was written"));
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 6);
}

#[test]
fn doctor_says_what_is_missing() {
    let database = Database::cloned();
    let mut settings = usual_settings(&database);
    let examine = |settings: &HashMap<&'static str, String>| {
        let output = program(&["doctor"]).envs(settings).output().expect("the program runs");
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (is_well, said) = examine(&settings);
    assert!(!is_well && said.contains("WRONG apps"), "{said}");
    for what in ["ok    configuration", "ok    postgres", "ok    redis"] {
        assert!(said.contains(what), "{what} is missing in {said}");
    }
    let empty = Database::empty();
    settings.insert("DATABASE_URL", empty.url.clone());
    settings.insert("REDIS_URL", "redis+unix:///nobody/listens/here.sock".into());
    let (is_well, said) = examine(&settings);
    assert!(!is_well && said.contains("order-tracker migrate") && said.contains("REDIS_URL"), "{said}");
    assert_eq!(
        empty.number("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        0,
        "looking changes nothing"
    );
    settings.insert("JWT_SECRET", "short".into());
    assert!(examine(&settings).1.contains("JWT_SECRET"));
}

/// A start that waits for ever looks like one that works.
#[tokio::test]
async fn a_postgres_that_does_not_answer_ends_the_start() {
    let database = Database::cloned();
    let postgres = Proxy::of_postgres(&database.url);
    postgres.set(Traffic::Stalls);
    let mut settings = usual_settings(&database);
    settings.insert("DATABASE_URL", postgres.postgres_url(&database.url));
    let started = Instant::now();
    let output = tokio::task::spawn_blocking(move || program(&["serve"]).envs(&settings).output()).await.unwrap();
    assert!(!output.expect("it ends").status.success());
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn sigterm_drains() {
    let mut process = serves(|settings| {
        settings.insert("DRAIN_NOTICE", "3".into());
        settings.insert("DRAIN_TIMEOUT", "7".into());
    })
    .await;
    let uma = Person::registers(&process.base, "Uma").await;
    let mut socket = Socket::open(&process.base).await;
    socket.authenticate(&uma.token).await;
    socket.subscribe("orders", None).await;

    process.signal("TERM");
    let ready = || crate::support::Request::new(&http_client(), &process.base, reqwest::Method::GET, "/readyz");
    eventually("it says that it drains", async || ready().await.status == 503).await;
    ready().await.refused(503, "draining");
    // All else goes on meanwhile.
    Socket::open(&process.base).await;
    let order = uma.create_order("Sofa").await;
    assert_eq!(socket.next().await["event"]["order_id"], order.id.as_str());
    assert_eq!(socket.closing_code().await, 1001);
    assert_eq!(process.ends_within(Duration::from_secs(7) + BUSY).await, Some(0));
}

/// Once it closes its sockets it lets nobody in who would only be sent away again; who is still being served is told to
/// go elsewhere afterwards.
#[tokio::test]
async fn a_server_that_closes_its_sockets_lets_nobody_in() {
    let mut process = serves(|settings| {
        settings.insert("DRAIN_NOTICE", "3".into());
        settings.insert("DRAIN_TIMEOUT", "33".into());
    })
    .await;
    // One of many, which are closed one by one: meanwhile the server is there.
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(Socket::open(&process.base).await);
    }
    let uma = Person::registers(&process.base, "Uma").await;
    assert_eq!(uma.get("/me").await.expect(200).header("connection"), None);
    process.signal("TERM");
    let ready = || crate::support::Request::new(&http_client(), &process.base, reqwest::Method::GET, "/readyz");
    eventually("it says that it drains", async || ready().await.status == 503).await;
    assert_eq!(uma.get("/me").await.expect(200).header("connection"), Some("close"));

    let address = process.base.strip_prefix("http://").expect("a base").to_owned();
    let start = Instant::now();
    eventually("connections are refused", async || tokio::net::TcpStream::connect(&address).await.is_err()).await;
    let closed = futures_util::future::join_all(sockets.into_iter().map(async |mut socket| {
        assert_eq!(socket.closing_code().await, 1001);
        start.elapsed()
    }))
    .await;
    let (first, last) = (closed.iter().min().unwrap(), closed.iter().max().unwrap());
    assert!(*last - *first > Duration::from_secs(3), "spread over five seconds: {closed:?}");
    assert_eq!(process.ends_within(Duration::from_secs(20)).await, Some(0));
}

/// A client that never reads its answers is cut off, and does not keep the journal from writing.
#[tokio::test]
async fn a_connection_that_hangs_is_cut_off_in_time() {
    let Serving { mut process, database: _kept } =
        serves(|settings| drop(settings.insert("DRAIN_TIMEOUT", "6".into()))).await;
    let address = process.base.strip_prefix("http://").expect("a base").to_owned();
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(8 * 1024).expect("a small buffer");
    let mut connection = socket.connect(address.parse().expect("an address")).await.expect("a connection");
    // More than the kernel keeps for it.
    for _ in 0..200 {
        let request = format!("GET /openapi.yaml HTTP/1.1\r\nHost: {address}\r\n\r\n");
        connection.write_all(request.as_bytes()).await.expect("written");
    }
    // It is answered, until nothing more fits: between two answers it would be closed at once.
    let server = connection.peer_addr().expect("an address").port();
    let client = connection.local_addr().expect("an address").port();
    let mut last = (0, Instant::now());
    eventually("nothing more fits", async || {
        let now = waits_to_be_read(server, client);
        if now != last.0 {
            last = (now, Instant::now());
        }
        now > 0 && last.1.elapsed() > Duration::from_secs(1)
    })
    .await;
    process.signal("TERM");
    assert_eq!(process.ends_within(Duration::from_secs(6) + BUSY).await, Some(0));
    let log = process.log_until_its_end(BUSY).await;
    assert!(log.contains("the journal has, and these are cut off"), "{log}");
}

/// Bytes that one port has sent to the other and that were not yet received: proc_net_tcp(5). Each port may at the same time
/// belong to other connections, too.
fn waits_to_be_read(from: u16, to: u16) -> u64 {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp");
    let (from, to) = (format!(":{from:04X}"), format!(":{to:04X}"));
    let queued = table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let this = fields.get(1)?.ends_with(&from) && fields.get(2)?.ends_with(&to);
        this.then(|| fields.get(4)?.split(':').next())?
    });
    queued.map_or(0, |bytes| u64::from_str_radix(bytes, 16).expect("a number"))
}

/// DRAIN_TIMEOUT is a promise, whatever Postgres does.
#[tokio::test]
async fn sigterm_ends_the_process_even_when_postgres_stands_still() {
    let database = Database::cloned();
    let postgres = Proxy::of_postgres(&database.url);
    let url = postgres.postgres_url(&database.url);
    let mut process = serves_on(database, |settings| {
        settings.insert("DATABASE_URL", url);
        settings.insert("DRAIN_TIMEOUT", "2".into());
    })
    .await;
    let uma = Person::registers(&process.base, "Uma").await;
    postgres.set(Traffic::Stalls);
    assert_eq!(uma.post("/orders", json!({"title": "Sofa"})).await.status, 503);
    process.signal("TERM");
    process.ends_within(Duration::from_secs(6)).await;
}

/// What was answered is there; what was cut off was not answered.
#[tokio::test]
async fn a_killed_server_has_lost_nothing_that_it_answered() {
    let mut process = serves(|_| {}).await;
    let uma = Person::registers(&process.base, "Uma").await;
    let mut answered = Vec::new();
    for number in 0..30 {
        answered.push(uma.create_order(&format!("Sofa {number}")).await.id);
    }
    process.kill();
    for id in answered {
        assert_eq!(process.database.number(&format!("SELECT count(*) FROM orders WHERE id = '{id}'")), 1);
    }
}

#[tokio::test]
async fn a_taken_port_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let database = Database::cloned();
    let mut settings = usual_settings(&database);
    settings.insert("BIND_ADDR", taken.local_addr().unwrap().to_string());
    let output = program(&["serve"]).envs(&settings).output().expect("it ends");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.to_lowercase().contains("in use"), "{said}");
}

#[tokio::test]
async fn nothing_private_is_logged() {
    let Serving { process, database: _kept } = serves(|_| {}).await;
    let uma = Person::registers(&process.base, "Uma").await;
    uma.create_order("Sofa").await;
    let body = json!({"email": uma.email, "password": "a secret horse"});
    let http = http_client();
    let login = crate::support::Request::new(&http, &process.base, reqwest::Method::POST, "/api/v1/users/sessions");
    login.json(&body).await.refused(401, "invalid_credentials");
    process.signal("TERM");
    let log = process.log_until_its_end(Duration::from_secs(10)).await;
    for secret in ["correct horse", "a secret horse", &uma.token, crate::support::JWT_SECRET] {
        assert!(!log.contains(secret), "{log}");
    }
}

/// A process with a database of its own.
struct Serving {
    process: Process,
    database: Database,
}

impl std::ops::Deref for Serving {
    type Target = Process;
    fn deref(&self) -> &Process {
        &self.process
    }
}

impl std::ops::DerefMut for Serving {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

async fn serves(change: impl FnOnce(&mut HashMap<&'static str, String>)) -> Serving {
    serves_on(Database::cloned(), change).await
}

async fn serves_on(database: Database, change: impl FnOnce(&mut HashMap<&'static str, String>)) -> Serving {
    let mut settings = usual_settings(&database);
    change(&mut settings);
    Serving { process: Process::serves(&settings).await, database }
}
