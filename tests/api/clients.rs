//! Clients that other people write: what docs/live.md tells them, and docs/live_client.py as a process of its own.

use std::cell::Cell;
use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::client::{PATIENCE, text};
use crate::support::contract::CONTRACT;
use crate::support::proxy::{Proxy, Traffic};
use crate::support::{TestApp, eventually, json};

const DOCUMENT: &str = include_str!("../../docs/live.md");
const CLIENT: &str = include_str!("../../docs/live_client.py");

// ---- The document ----

/// Frames are told from one another by their types, which no two directions share.
#[test]
fn every_frame_in_the_document_is_of_the_contract() {
    let mut seen = Vec::new();
    for block in DOCUMENT.split("```json\n").skip(1) {
        let (block, _) = block.split_once("```").expect("a block has an end");
        for frame in serde_json::Deserializer::from_str(block).into_iter::<Value>() {
            let frame = frame.unwrap_or_else(|error| panic!("{error} in\n{block}"));
            let kind = text(&frame["type"]).to_owned();
            let is_clients = types_of("LiveClientFrame").contains(&kind);
            CONTRACT.check_component(if is_clients { "LiveClientFrame" } else { "LiveServerFrame" }, &frame);
            seen.push(kind);
        }
    }
    for kind in
        ["authenticate", "authenticated", "subscribe", "subscribed", "event", "resync", "gone", "error", "heartbeat"]
    {
        assert!(seen.iter().any(|one| one == kind), "no example of {kind}");
    }
}

#[test]
fn the_document_names_every_type_and_every_code() {
    let codes = CONTRACT.document["components"]["schemas"]["LiveErrorCode"]["enum"].as_array().expect("codes");
    let kinds = [types_of("LiveClientFrame"), types_of("LiveServerFrame")].concat();
    for name in codes.iter().map(|code| text(code).to_owned()).chain(kinds) {
        let is_named = [format!("`{name}`"), format!("\"{name}\"")].iter().any(|quoted| DOCUMENT.contains(quoted));
        assert!(is_named, "docs/live.md does not speak of {name}");
    }
    let description = text(&CONTRACT.document["paths"]["/api/v1/live"]["get"]["description"]);
    let (_, closing) = description.split_once("Closing codes:").expect("closing codes");
    let closing: Vec<&str> = closing.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() == 4).collect();
    assert!(closing.len() >= 5, "{closing:?}");
    for code in closing {
        assert!(DOCUMENT.contains(&format!("\n| {code} |")), "docs/live.md does not speak of {code}");
    }
}

#[test]
fn the_client_has_fewer_than_sixty_lines() {
    let lines: Vec<&str> = CLIENT.lines().collect();
    assert!(lines.len() < 60, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() <= 120), "and none that is two");
}

// ---- The client, and our server ----

/// The lines are cut at any moment while things happen, of which not all is public, and in the end the server is another
/// one: what the client has printed is the public history, once and in order.
#[tokio::test]
async fn a_client_that_is_cut_off_again_and_again_misses_nothing() {
    const CUTS: u32 = 6;
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (sofa, piano) = (uma.create_order("Sofa").await, uma.create_order("Piano").await);
    // More than one portion: some of the cuts come between two of them.
    for _ in 0..6 {
        let items: Vec<_> =
            (0..200).map(|n| json!({"order_id": piano.id, note_or_message(n): format!("{n}")})).collect();
        max.post("/events/batch", json!({"items": items})).await.expect(200);
    }

    let proxy = Proxy::of_server(&app.base).await;
    let mut client = Client::follows(&proxy.base(), &[&sofa.id, &piano.id]);
    let is_over = Cell::new(false);
    let cutting = async {
        for cut in 1..=CUTS {
            proxy.has_led(cut).await;
            // By turns, at any moment and when something has come: else it would wait longer and longer before it tries again.
            if cut % 2 == 0 {
                let before = client.printed.len();
                eventually("it goes on", async || client.printed.len() > before).await;
            }
            pause(0..150).await;
            proxy.set(Traffic::Cut);
            pause(5..100).await;
            proxy.set(Traffic::Flows);
        }
        is_over.set(true);
    };
    let happening = async {
        for n in 0.. {
            let order = if n % 3 == 0 { &piano } else { &sofa };
            max.adds(order, json!({note_or_message(rand::random_range(0..9)): format!("{n}")})).await;
            pause(0..20).await;
            if is_over.get() {
                return;
            }
        }
    };
    tokio::join!(cutting, happening);

    proxy.has_led(CUTS + 1).await;
    proxy.lead_to(&replica.base);
    app.stops_first().await;
    let (uma, max) = (uma.at(&replica), max.at(&replica));
    for order in [&sofa, &piano] {
        max.adds(order, json!({"note": "between"})).await;
        let last = max.moves(order, "started").await;
        let printed = client.until(&order.id, &last["version"]).await;
        let history = uma.history(order).await;
        let expected: Vec<Value> =
            history.iter().filter(|event| event["public"] == true).map(as_the_public_sees).collect();
        assert!(expected.len() < history.len(), "some of it was private");
        assert_eq!(versions_of(&printed), versions_of(&expected));
        assert_eq!(printed, expected);
    }
    client.has_printed_nothing_else();
}

#[tokio::test]
async fn a_client_goes_on_from_the_version_that_it_is_given() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (sofa, bed) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    max.moves_through(&sofa, &["started", "in_progress"]).await;
    max.moves(&bed, "started").await;
    // As a person types them; and one of a version that this order never had.
    let (typed, beyond) = (sofa.id[..5].to_lowercase() + "-" + &sofa.id[5..], format!("{}:99", bed.id));
    let mut client = Client::follows(&app.base, &[&format!("{typed}:2"), &beyond]);
    assert_eq!(client.next_about(&sofa.id).await["version"], 3);
    assert_eq!(client.next_about(&bed.id).await["type"], "reset");
    assert_eq!(client.next_about(&bed.id).await["version"], 1);
    assert_eq!(client.next_about(&bed.id).await["version"], 2);
    max.moves(&bed, "in_progress").await;
    assert_eq!(client.next_about(&bed.id).await["version"], 3);
    client.has_printed_nothing_else();
}

#[tokio::test]
async fn a_client_is_told_what_is_gone_and_ends_when_all_is() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (sofa, bed) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    let proxy = Proxy::of_server(&app.base).await;
    let mut client = Client::follows(&proxy.base(), &[&sofa.id, "0000000000", &bed.id]);
    assert_eq!(client.next_about("0000000000").await["type"], "gone", "it never was");
    assert_eq!(client.next_about(&sofa.id).await["version"], 1);
    assert_eq!(client.next_about(&bed.id).await["version"], 1);

    let hidden = json!({"public_tracking": false});
    uma.changes(&bed, hidden.clone()).await;
    assert_eq!(client.next_about(&bed.id).await["type"], "gone");
    max.moves(&sofa, "started").await;
    assert_eq!(client.next_about(&sofa.id).await["version"], 2);

    // While it is away.
    proxy.set(Traffic::Cut);
    uma.changes(&sofa, hidden).await;
    proxy.set(Traffic::Flows);
    assert_eq!(client.next_about(&sofa.id).await["type"], "gone");
    assert!(client.ends().await.success());
}

// ---- The client, and a server that says what ours never should ----

const SOFA: &str = "7K3M9Q2XTB";

#[tokio::test]
async fn a_client_asks_again_from_what_it_has_when_something_is_missing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = Client::follows(&format!("http://{}", listener.local_addr().unwrap()), &[SOFA]);

    // A library may drop what came just before a goodbye, so each time what was said is printed first.
    let mut server = OddServer::accepts(&listener).await;
    assert_eq!(server.is_asked().await, 0);
    server.says(subscribed(&[(1, None)])).await;
    client.prints_versions(&[1]).await;
    server.says(event(4, Some(3))).await;

    let mut server = OddServer::accepts(&listener).await;
    assert_eq!(server.is_asked().await, 1, "the event after the gap did not count");
    server.says(subscribed(&[(3, Some(1)), (4, Some(3))])).await;
    server.says(event(4, Some(3))).await;
    server.says(event(6, Some(4))).await;
    client.prints_versions(&[3, 4, 6]).await;
    server.closes_with(4408).await;

    let mut server = OddServer::accepts(&listener).await;
    assert_eq!(server.is_asked().await, 6);
    server.says(json!({"type": "error", "code": "database_unavailable", "detail": "Not now", "topic": topic()})).await;
    server.says(json!({"type": "a frame of later servers", "with": ["anything"]})).await;
    server.says(json!({"type": "heartbeat"})).await;
    assert_eq!(server.is_asked().await, 6, "again, after the heartbeat");
    server.says(reset()).await;
    assert_eq!(client.next().await["type"], "reset");
    server.says(json!({"type": "heartbeat"})).await;
    server.says(event(2, Some(1))).await;
    client.prints_versions(&[1, 2]).await;
    // A long history whose next part can't be read.
    server.says(json!({"type": "error", "code": "internal", "detail": "Not now", "topic": topic()})).await;
    server.says(json!({"type": "heartbeat"})).await;
    assert_eq!(server.is_asked().await, 2, "again, after the heartbeat");
    server.says(subscribed(&[(3, Some(2))])).await;
    client.prints_versions(&[3]).await;
    server.closes_with(4410).await;

    let mut server = OddServer::accepts(&listener).await;
    assert!(server.is_asked().await > i64::from(i32::MAX), "what it has may not have happened");
    server.says(reset()).await;
    assert_eq!(client.next().await["type"], "reset");
    client.prints_versions(&[1]).await;
    server.closes_with(4400).await;
    assert!(!client.ends().await.success(), "a fault of its own ends it");
}

#[tokio::test]
async fn a_client_does_not_wait_for_ever_in_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let _client = Client::impatient(&base, &[SOFA]);
    let coming_again = async {
        let mut silent = Vec::new();
        loop {
            let mut server = OddServer::accepts(&listener).await;
            // On a busy machine even the first answer may be too late.
            if server.is_asked().await == 1 {
                return;
            }
            server.says(subscribed(&[(1, None)])).await;
            silent.push(server);
        }
    };
    tokio::time::timeout(PATIENCE, coming_again).await.expect("it comes again, with what it has");
}

// ---- Clients and servers ----

/// docs/live_client.py at work.
struct Client {
    process: Child,
    printed: mpsc::UnboundedReceiver<Value>,
    waiting: VecDeque<Value>,
    /// On stderr.
    said: Arc<Mutex<String>>,
}

impl Client {
    fn follows(base: &str, orders: &[&str]) -> Client {
        Client::runs(python().arg(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/live_client.py")).arg(base).args(orders))
    }

    /// One to whom a second is long.
    fn impatient(base: &str, orders: &[&str]) -> Client {
        let program = "import live_client, sys; live_client.follow.__defaults__ = (1,); \
                       live_client.asyncio.run(live_client.main(*sys.argv[1:]))";
        Client::runs(python().args(["-c", program, base]).args(orders))
    }

    fn runs(command: &mut Command) -> Client {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines = BufReader::new(process.stdout.take().expect("its stdout")).lines();
        let mut stderr = process.stderr.take().expect("its stderr");
        let (print, printed) = mpsc::unbounded_channel();
        // Always read: a full pipe would make it slow.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                print.send(line).ok();
            }
        });
        let said = Arc::new(Mutex::new(String::new()));
        let note = said.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                note.lock().expect("no panic in here").push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        Client { process, printed, waiting: VecDeque::new(), said }
    }

    /// The next line that it prints.
    async fn next(&mut self) -> Value {
        match self.waiting.pop_front() {
            Some(line) => line,
            None => self.read().await,
        }
    }

    async fn prints_versions(&mut self, versions: &[i32]) {
        for version in versions {
            assert_eq!(self.next().await["version"], *version);
        }
    }

    /// The next one about this order.
    async fn next_about(&mut self, id: &str) -> Value {
        if let Some(at) = self.waiting.iter().position(|line| line["order_id"] == id) {
            return self.waiting.remove(at).expect("it is there");
        }
        loop {
            let line = self.read().await;
            if line["order_id"] == id {
                return line;
            }
            self.waiting.push_back(line);
        }
    }

    /// What it prints about this order up to this version.
    async fn until(&mut self, id: &str, version: &Value) -> Vec<Value> {
        let mut lines: Vec<Value> = Vec::new();
        while lines.last().is_none_or(|line| line["version"] != *version) {
            lines.push(self.next_about(id).await);
        }
        lines
    }

    async fn read(&mut self) -> Value {
        match tokio::time::timeout(PATIENCE, self.printed.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => {
                panic!("it has ended; it said:\n{}\n(`scripts/packages.sh python` installs what it needs)", self.said())
            }
            Err(_) => panic!("nothing was printed within {PATIENCE:?}; it said:\n{}", self.said()),
        }
    }

    #[track_caller]
    fn has_printed_nothing_else(&mut self) {
        self.waiting.extend(std::iter::from_fn(|| self.printed.try_recv().ok()));
        assert!(self.waiting.is_empty(), "{:?}", self.waiting);
    }

    async fn ends(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("it goes on; it said:\n{}", self.said())).expect("a status");
        self.has_printed_nothing_else();
        status
    }

    fn said(&self) -> String {
        self.said.lock().expect("no panic in here").clone()
    }
}

/// The one that finds the package: scripts/python.sh knows.
fn python() -> Command {
    let mut command = Command::new(std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned()));
    command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/docs"));
    // No traces beside the source, and no proxy to our own address.
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("no_proxy", "*");
    command
}

/// The server's end of a socket on which anything may be said.
struct OddServer {
    socket: WebSocketStream<TcpStream>,
}

impl OddServer {
    async fn accepts(listener: &TcpListener) -> OddServer {
        let accepting = async {
            let (stream, _) = listener.accept().await.expect("somebody comes");
            tokio_tungstenite::accept_async(stream).await.expect("a WebSocket")
        };
        OddServer { socket: tokio::time::timeout(PATIENCE, accepting).await.expect("in time") }
    }

    /// Expects a subscription to the sofa, and gives back after which version.
    async fn is_asked(&mut self) -> i64 {
        let frame = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("in time");
        let frame: Value = match frame {
            Some(Ok(Message::Text(frame))) => serde_json::from_str(&frame).expect("JSON"),
            other => panic!("expected a frame, got {other:?}"),
        };
        CONTRACT.check_component("LiveClientFrame", &frame);
        assert_eq!((&frame["type"], &frame["topic"]), (&json!("subscribe"), &topic()));
        frame["after"].as_i64().expect("a version")
    }

    async fn says(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("it is there");
    }

    /// As the protocol has it: the server says goodbye, waits for the answer, and hangs up.
    async fn closes_with(mut self, code: u16) {
        let reason = CloseFrame { code: code.into(), reason: "".into() };
        self.socket.close(Some(reason)).await.expect("it is there");
        while let Some(Ok(_)) = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("in time") {}
    }
}

fn topic() -> Value {
    json!(format!("track:{SOFA}"))
}

/// The events as their versions and those of the public ones before.
fn subscribed(events: &[(i32, Option<i32>)]) -> Value {
    let version = events.last().map(|(version, _)| *version);
    let events: Vec<Value> = events.iter().map(|(version, previous)| public_event(*version, *previous)).collect();
    json!({"type": "subscribed", "topic": topic(), "version": version, "events": events})
}

fn reset() -> Value {
    let mut frame = subscribed(&[(1, None)]);
    frame["reset"] = json!(true);
    frame
}

fn event(version: i32, previous: Option<i32>) -> Value {
    json!({"type": "event", "topic": topic(), "event": public_event(version, previous)})
}

fn public_event(version: i32, previous: Option<i32>) -> Value {
    json!({"version": version, "previous_version": previous, "type": "order.noted", "status": "started", "reason": null,
           "message": "hello", "location": null, "estimated_at": null, "occurred_at": "2026-11-22T21:24:29.550Z"})
}

/// A line of the client about an event that the owner sees so.
fn as_the_public_sees(event: &Value) -> Value {
    let mut line = json!({"order_id": event["order_id"], "previous_version": event["previous_public_version"]});
    for field in ["version", "type", "status", "reason", "message", "location", "estimated_at", "occurred_at"] {
        line[field] = event[field].clone();
    }
    line
}

fn note_or_message(number: u32) -> &'static str {
    if number.is_multiple_of(2) { "note" } else { "message" }
}

fn versions_of(events: &[Value]) -> Vec<&Value> {
    events.iter().map(|event| &event["version"]).collect()
}

/// The `type` of each frame of this schema.
fn types_of(schema: &str) -> Vec<String> {
    let frames = CONTRACT.document["components"]["schemas"][schema]["oneOf"].as_array().expect("frames");
    frames.iter().map(|frame| text(&frame["properties"]["type"]["const"]).to_owned()).collect()
}

/// At a moment that nobody knows: for cutting, not for waiting.
async fn pause(milliseconds: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(milliseconds))).await;
}
