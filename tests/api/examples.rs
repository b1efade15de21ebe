//! The programs in examples/, which people copy: each of them as a process of its own, against the server, and against one that
//! answers as on a bad day.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::client::{PATIENCE, text};
use crate::support::people::PASSWORD;
use crate::support::proxy::{Proxy, Traffic};
use crate::support::receiver::{Received, Receiver};
use crate::support::{TestApp, eventually, json};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Language {
    Curl,
    Python,
    TypeScript,
}
use Language::{Curl, Python, TypeScript};

macro_rules! in_each_language {
    ($($test:ident),* $(,)?) => {
        mod curl { $(#[tokio::test] async fn $test() { super::$test(super::Curl).await; })* }
        mod python { $(#[tokio::test] async fn $test() { super::$test(super::Python).await; })* }
        mod typescript { $(#[tokio::test] async fn $test() { super::$test(super::TypeScript).await; })* }
    };
}

in_each_language! {
    a_key_is_made,
    an_order_that_is_sent_again_and_again_is_there_once,
    what_is_refused_is_not_sent_again,
    an_order_is_watched_over_lost_connections,
    who_may_not_watch_is_told,
    the_feed_goes_on_where_it_was_stopped,
    webhooks_are_verified_and_forged_ones_refused,
    the_readme_names_every_program,
}

// ---- Keys and orders ----

async fn a_key_is_made(language: Language) {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let mut program = language.command("get_api_key", &["Web shop", "orders:read", "orders:write"]);
    program.env("ORDER_TRACKER_URL", &app.base).env("EMAIL", &uma.email).env("PASSWORD", PASSWORD);
    let printed = Program::runs(&mut program).prints_and_succeeds().await;
    let [key] = &printed[..] else { panic!("{printed:?}") };
    let shop = uma.with_token(key);
    let order = shop.create_order("Sofa").await;
    assert_eq!(shop.sees(&order).await["owner"]["id"], uma.id.as_str());
    shop.get("/webhooks").await.refused(403, "insufficient_scope");
    assert_eq!(uma.get("/api-keys").await.expect(200).data()[0]["name"], "Web shop");

    let mut program = language.command("get_api_key", &["Web shop", "orders:read"]);
    program.env("ORDER_TRACKER_URL", &app.base).env("EMAIL", &uma.email).env("PASSWORD", "wrong horse");
    Program::runs(&mut program).fails_saying("invalid_credentials").await;
}

/// Whatever goes wrong on the way, also with a program that is started anew.
async fn an_order_that_is_sent_again_and_again_is_there_once(language: Language) {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let shop = uma.with_key(&["orders:write"]).await;
    let lossy = Road::to(&app.base, &[Fate::Lost, Fate::AnswerLost, Fate::AnswerCut]).await;
    const NOT_NOW: [Fate; 3] = [
        Fate::Answered(429, "rate_limited", 1),
        Fate::Answered(503, "overloaded", 1),
        Fate::Answered(409, "idempotency_in_progress", 1),
    ];
    let busy = Road::to(&app.base, &NOT_NOW).await;
    let create = |road: &Road| {
        let mut program = language.command("create_order", &["PO 1881/ä", "Sofa, \"three\" seats"]);
        program.env("ORDER_TRACKER_URL", &road.base).env("API_KEY", &shop.token);
        Program::runs(&mut program)
    };
    let printed = create(&lossy).prints_and_succeeds().await;
    let orders = uma.get("/orders").await.expect(200);
    let [order] = &orders.data()[..] else { panic!("{orders:?}") };
    assert_eq!(printed, [text(&order["id"])]);
    assert_eq!((&order["title"], &order["reference"]), (&json!("Sofa, \"three\" seats"), &json!("PO 1881/ä")));
    assert_eq!(create(&busy).prints_and_succeeds().await, printed, "a crash, and the same again");

    let requests = [lossy.requests(), busy.requests()];
    assert_eq!(requests.each_ref().map(Vec::len), [4, 4]);
    let key = requests[0][0].key.as_deref().expect("a key");
    assert!(requests.iter().flatten().all(|request| request.key.as_deref() == Some(key)), "{requests:?}");
    for pair in requests[1].windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_secs(1), "Retry-After counts");
    }
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 1);
}

async fn what_is_refused_is_not_sent_again(language: Language) {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let shop = uma.with_key(&["orders:write"]).await;
    let road = Road::to(&app.base, &[]).await;
    let create = |title: &str| {
        let mut program = language.command("create_order", &["PO-1881", title]);
        program.env("ORDER_TRACKER_URL", &road.base).env("API_KEY", &shop.token);
        Program::runs(&mut program)
    };
    create("").fails_saying("validation_failed").await;
    create("Sofa").prints_and_succeeds().await;
    create("Lamp").fails_saying("idempotency_key_reused").await;
    assert_eq!(road.requests().len(), 3);
}

// ---- Watching ----

async fn an_order_is_watched_over_lost_connections(language: Language) {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let shop = uma.with_key(&["orders:read"]).await;
    let order = uma.create_order("Sofa").await;
    max.adds(&order, json!({"note": "Only the owner sees this"})).await;
    let proxy = Proxy::of_server(&app.base).await;
    let watch = |arguments: &[&str]| {
        let mut program = language.command("watch_order", arguments);
        program.env("ORDER_TRACKER_URL", proxy.base()).env("API_KEY", &shop.token).env("PAUSE", "0.1");
        Program::runs(&mut program)
    };
    let mut watching = watch(&[&order.id]);
    watching.prints_versions(&[1, 2]).await;
    max.moves(&order, "started").await;
    watching.prints_versions(&[3]).await;

    proxy.set(Traffic::Cut);
    max.moves(&order, "in_progress").await;
    // More than one page of a list, and one frame of the socket.
    let items: Vec<_> = (0..130).map(|n| json!({"order_id": order.id, "message": format!("{n}")})).collect();
    max.post("/events/batch", json!({"items": items})).await.expect(200);
    proxy.set(Traffic::Flows);
    watching.prints_versions(&(4..=134).collect::<Vec<_>>()).await;
    max.moves(&order, "completed").await;
    let last = watching.next_json().await;
    assert_eq!((&last["version"], &last["status"]), (&json!(135), &json!("completed")));
    watching.is_silent();
    drop(watching);

    let mut later = watch(&[&order.id, "133"]);
    later.prints_versions(&[134, 135]).await;
    later.is_silent();
}

async fn who_may_not_watch_is_told(language: Language) {
    let app = TestApp::start().await;
    let order = app.user("Uma").await.create_order("Sofa").await;
    let otto = app.user("Otto").await.with_key(&["orders:read"]).await;
    let watch = |key: &str| {
        let mut program = language.command("watch_order", &[&order.id]);
        Program::runs(program.env("ORDER_TRACKER_URL", &app.base).env("API_KEY", key))
    };
    watch(&otto.token).fails_saying("There is nothing here that you may see").await;
    watch(&format!("otk_{}", "0".repeat(43))).fails_saying("invalid_").await;
}

async fn the_feed_goes_on_where_it_was_stopped(language: Language) {
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    let shop = uma.with_key(&["orders:read"]).await;
    let folder = Folder::new();
    let cursor = folder.path.join("feed.cursor");
    let follow = || {
        let mut program = language.command("follow_feed", &[cursor.to_str().expect("UTF-8")]);
        program.env("ORDER_TRACKER_URL", &app.base).env("API_KEY", &shop.token).env("PAUSE", "0.1");
        Program::runs(&mut program)
    };
    // It is stopped when it has saved how far it has come.
    let has_saved = async |events: &[(String, i64)]| {
        eventually("the cursor is saved", async || {
            let Ok(saved) = std::fs::read_to_string(&cursor) else { return false };
            let rest = uma.get(&format!("/events?after={}", saved.trim())).await;
            rest.status == 200 && rest.data().is_empty() && !events.is_empty()
        })
        .await;
    };

    let (sofa, bed) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    otto.create_order("Not Uma's").await;
    let mut following = follow();
    let mut printed = following.prints_events(2).await;
    has_saved(&printed).await;
    // More than one page.
    let items: Vec<_> = (0..130).map(|n| json!({"order_id": sofa.id, "note": format!("{n}")})).collect();
    max.post("/events/batch", json!({"items": items})).await.expect(200);
    printed.extend(following.prints_events(130).await);
    has_saved(&printed).await;
    following.is_silent();
    drop(following);

    max.moves(&bed, "started").await;
    let mut following = follow();
    printed.extend(following.prints_events(1).await);
    max.moves(&sofa, "started").await;
    printed.extend(following.prints_events(1).await);
    has_saved(&printed).await;
    following.is_silent();
    let mut expected = Vec::new();
    for order in [&sofa, &bed] {
        expected.extend(uma.history(order).await.iter().map(name_of));
    }
    printed.sort();
    expected.sort();
    assert_eq!(printed, expected, "all, and each once");
}

// ---- Webhooks ----

async fn webhooks_are_verified_and_forged_ones_refused(language: Language) {
    let app = TestApp::start_with(|settings| {
        settings.insert("WEBHOOK_ALLOW", "127.0.0.0/8".to_owned());
    })
    .await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    // What is sent is noted on the way to the program, which has to know the secret before it starts.
    let receiver = Receiver::start();
    let webhook = uma.post("/webhooks", json!({"url": receiver.url("/")})).await.expect(201);
    let path = format!("/webhooks/{}", text(&webhook["id"]));
    let (secret, order) = (text(&webhook["secret"]), uma.create_order("Sofa").await);
    let one = receiver.receives(1).await.remove(0);
    let mut program = Webhooks::starts(language, secret).await;

    assert!(program.accepts(&one.headers_of_it(), &one.body).await);
    assert_eq!(program.prints().await["data"]["order"]["id"], order.id.as_str());
    // It comes at least once.
    assert!(program.accepts(&one.headers_of_it(), &one.body).await);

    let now = chrono::Utc::now().timestamp();
    let sign = |secret: &str, at: i64, body: &str| {
        let signature = standardwebhooks::Webhook::new(secret).unwrap().sign("msg_1", at, body.as_bytes()).unwrap();
        headers("msg_1", &at.to_string(), &signature)
    };
    let another = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let altered = one.body.replace("created", "completed");
    let [id, at, signature] = one.headers_of_it().map(|(_, value)| value);
    for (why, headers, body) in [
        ("another body", one.headers_of_it(), &altered),
        ("another secret", sign(another, now, &one.body), &one.body),
        ("another ID", headers("msg_2", &at, &signature), &one.body),
        ("another time", headers(&id, &(now + 1).to_string(), &signature), &one.body),
        ("an old one", sign(secret, now - 3600, &one.body), &one.body),
        ("one of tomorrow", sign(secret, now + 3600, &one.body), &one.body),
        ("no time", headers(&id, "soon", &signature), &one.body),
        ("no signature at all", headers(&id, &at, "nonsense"), &one.body),
        ("an empty signature", headers(&id, &at, ""), &one.body),
        ("an empty one of v1", headers(&id, &at, "v1,"), &one.body),
        ("another version", headers(&id, &at, &signature.replace("v1,", "v2,")), &one.body),
    ] {
        assert!(!program.accepts(&headers, body).await, "{why}");
    }
    assert!(program.accepts(&sign(secret, now, "{\"type\":\"x\"}"), "{\"type\":\"x\"}").await);
    assert_eq!(program.prints().await["type"], "x");

    // Replaced: the old one and the new one sign.
    let rotated = uma.request(Method::POST, &format!("{path}/secret")).await.expect(200);
    let mut with_new = Webhooks::starts(language, text(&rotated["secret"])).await;
    max.adds(&order, json!({"message": "Grüße, ✓ \\ \" \u{1F69A}"})).await;
    let two = receiver.receives(2).await.remove(1);
    for program in [&mut program, &mut with_new] {
        assert!(program.accepts(&two.headers_of_it(), &two.body).await);
        assert_eq!(program.prints().await, two.json);
    }

    // And from the server itself.
    if let Some(url) = program.url() {
        uma.patch(&path, json!({"url": url})).await.expect(200);
        max.moves(&order, "started").await;
        assert_eq!(program.prints().await["data"]["event"]["version"], 3);
    }
}

/// A receiver of webhooks in examples/, told of them as by the server.
enum Webhooks {
    Serves {
        program: Box<Program>,
        url: String,
    },
    /// Run for each request, as by a web server.
    Cgi {
        secret: String,
        seen: Folder,
        printed: VecDeque<Value>,
    },
}

impl Webhooks {
    async fn starts(language: Language, secret: &str) -> Webhooks {
        if language == Curl {
            return Webhooks::Cgi { secret: secret.to_owned(), seen: Folder::new(), printed: VecDeque::new() };
        }
        let mut program = Program::runs(language.command("receive_webhooks", &["0"]).env("WEBHOOK_SECRET", secret));
        let url = program.says_where_it_listens().await;
        Webhooks::Serves { program: Box::new(program), url }
    }

    fn url(&self) -> Option<&str> {
        match self {
            Webhooks::Serves { url, .. } => Some(url),
            Webhooks::Cgi { .. } => None,
        }
    }

    /// Whether it believes this.
    async fn accepts(&mut self, headers: &[(&'static str, String); 3], body: &str) -> bool {
        let status = match self {
            Webhooks::Serves { url, .. } => {
                let mut request = crate::support::http_client().post(url.as_str()).body(body.to_owned());
                for (name, value) in headers {
                    request = request.header(*name, value);
                }
                request.send().await.expect("an answer").status().as_u16()
            }
            Webhooks::Cgi { secret, seen, printed } => {
                let mut command = Curl.command("receive_webhook", &[]);
                command
                    .env("WEBHOOK_SECRET", secret.as_str())
                    .env("SEEN_FOLDER", &seen.path)
                    .env("CONTENT_LENGTH", body.len().to_string());
                for (name, value) in headers {
                    command.env(format!("HTTP_{}", name.to_uppercase().replace('-', "_")), value);
                }
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = command.spawn().expect("it starts");
                let written = child.stdin.take().expect("stdin").write_all(body.as_bytes()).await;
                // It may have answered without it.
                if let Err(error) = written {
                    assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
                }
                let output = child.wait_with_output().await.expect("it ends");
                let (answer, said) =
                    (String::from_utf8(output.stdout).expect("UTF-8"), String::from_utf8_lossy(&output.stderr));
                let status = answer.strip_prefix("Status: ").and_then(|rest| rest.get(..3)?.parse().ok());
                let status = status.unwrap_or_else(|| panic!("it answered {answer:?} and said {said}"));
                // What it has made of messages is in its log: a CGI program answers on stdout.
                printed.extend(said.lines().filter_map(|line| serde_json::from_str(line).ok()));
                status
            }
        };
        assert!(status == 204 || status == 401, "{status}");
        status == 204
    }

    /// The next message that it has made something of.
    async fn prints(&mut self) -> Value {
        match self {
            Webhooks::Serves { program, .. } => program.next_json().await,
            Webhooks::Cgi { printed, .. } => printed.pop_front().expect("a message"),
        }
    }
}

impl Received {
    fn headers_of_it(&self) -> [(&'static str, String); 3] {
        headers(self.id(), &self.headers["webhook-timestamp"], &self.headers["webhook-signature"])
    }
}

fn headers(id: &str, timestamp: &str, signature: &str) -> [(&'static str, String); 3] {
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_owned()),
        ("webhook-signature", signature.to_owned()),
    ]
}

/// The public libraries of the Standard Webhooks specification, by themselves; Rust's is in webhooks.rs.
#[tokio::test]
async fn other_languages_libraries_verify_our_messages_with_current_and_replaced_secrets() {
    const PYTHON: &str = "
import json, sys
from standardwebhooks import Webhook
for secret, headers, body in json.load(sys.stdin):
    assert Webhook(secret).verify(body, headers) == json.loads(body)
    try: Webhook(secret).verify(body + ' ', headers)
    except Exception as error: assert 'No matching signature' in str(error), error
    else: assert False
    print('verified')";
    const JAVASCRIPT: &str = "
import assert from 'node:assert';
import { Webhook } from 'standardwebhooks';
import { text } from 'node:stream/consumers';
for (const [secret, headers, body] of JSON.parse(await text(process.stdin))) {
    assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
    assert.throws(() => new Webhook(secret).verify(body + ' ', headers), /No matching signature/);
    console.log('verified');
}";
    let app = TestApp::start_with(|settings| {
        settings.insert("WEBHOOK_ALLOW", "127.0.0.0/8".to_owned());
    })
    .await;
    let uma = app.user("Uma").await;
    let receiver = Receiver::start();
    let webhook = uma.post("/webhooks", json!({"url": receiver.url("/")})).await.expect(201);
    let path = format!("/webhooks/{}", text(&webhook["id"]));
    uma.creates(json!({"title": "Sofa", "reference": "Grüße ✓", "metadata": {"\u{1F69A}": "\\\"\u{7f}"}})).await;
    receiver.receives(1).await;
    let rotated = uma.request(Method::POST, &format!("{path}/secret")).await.expect(200);
    uma.create_order("Bed").await;
    receiver.receives(2).await;
    uma.request(Method::POST, &format!("{path}/test")).await.expect(202);
    let received = receiver.receives(3).await;
    let (first, second) = (&webhook["secret"], &rotated["secret"]);
    let cases = [(first, 0), (first, 1), (second, 1), (first, 2), (second, 2)].map(|(secret, n)| {
        let headers = received[n].headers_of_it().map(|(name, value)| (name.to_owned(), json!(value)));
        json!([secret, serde_json::Map::from_iter(headers), received[n].body])
    });

    let mut node = Command::new("node");
    node.args(["--input-type=module", "-e", JAVASCRIPT]).current_dir(TypeScript.folder());
    let mut python = python();
    python.args(["-c", PYTHON]);
    for mut library in [node, python] {
        library.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = library.spawn().unwrap_or_else(|error| panic!("{library:?}: {error}"));
        child.stdin.take().expect("stdin").write_all(json!(cases).to_string().as_bytes()).await.expect("it reads");
        let output = child.wait_with_output().await.expect("it ends");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(printed.lines().count(), 5, "{printed}{}", String::from_utf8_lossy(&output.stderr));
    }
}

// ---- What is said of them ----

async fn the_readme_names_every_program(language: Language) {
    let readme = std::fs::read_to_string(language.folder().join("README.md")).expect("a README");
    let mut programs = 0;
    for file in std::fs::read_dir(language.folder()).expect("the folder") {
        let name = file.expect("a file").file_name().into_string().expect("UTF-8");
        if name.ends_with(language.ending()) {
            assert!(readme.contains(&format!("`{name}")), "README.md does not speak of {name}");
            programs += 1;
        }
    }
    assert_eq!(programs, 6, "five programs, and what they share");
}

#[tokio::test]
async fn the_typescript_is_well_typed() {
    let mut compiler = Command::new("node");
    compiler.arg("node_modules/typescript/bin/tsc").current_dir(TypeScript.folder());
    let output = compiler.output().await.expect("it runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

// ---- Programs ----

impl Language {
    fn folder(self) -> PathBuf {
        let name = match self {
            Curl => "curl",
            Python => "python",
            TypeScript => "typescript",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
    }

    fn ending(self) -> &'static str {
        match self {
            Curl => ".sh",
            Python => ".py",
            TypeScript => ".ts",
        }
    }

    /// One of the programs, as its README runs it.
    fn command(self, name: &str, arguments: &[&str]) -> Command {
        let mut command = match self {
            Curl => Command::new("bash"),
            Python => python(),
            TypeScript => Command::new("node"),
        };
        if self == TypeScript {
            command.args(["--import", "tsx"]);
        }
        command.arg(format!("{name}{}", self.ending())).args(arguments).current_dir(self.folder());
        // No proxy to our own address.
        command.env("no_proxy", "*").env("NO_PROXY", "*").stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// The one that has the packages: scripts/python.sh.
pub fn python() -> Command {
    let mut command = Command::new(std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned()));
    // No traces beside the source.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// One of them at work, until dropped.
struct Program {
    process: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    /// On stderr.
    said: Arc<Mutex<String>>,
}

impl Program {
    fn runs(command: &mut Command) -> Program {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = BufReader::new(process.stdout.take().expect("its stdout")).lines();
        let mut stderr = process.stderr.take().expect("its stderr");
        let said = Arc::new(Mutex::new(String::new()));
        let note = said.clone();
        // Always read: a full pipe would stop it.
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                note.lock().expect("no panic in here").push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        Program { process, stdout, said }
    }

    async fn next_line(&mut self) -> Option<String> {
        match tokio::time::timeout(PATIENCE, self.stdout.next_line()).await {
            Ok(line) => line.expect("UTF-8"),
            Err(_) => panic!("nothing was printed within {PATIENCE:?}; it said:\n{}", self.said()),
        }
    }

    async fn next_json(&mut self) -> Value {
        let Some(line) = self.next_line().await else { panic!("it has ended; it said:\n{}", self.said()) };
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    async fn prints_versions(&mut self, versions: &[i64]) {
        for version in versions {
            assert_eq!(self.next_json().await["version"], *version);
        }
    }

    /// Order and version of so many events.
    async fn prints_events(&mut self, count: usize) -> Vec<(String, i64)> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(name_of(&self.next_json().await));
        }
        events
    }

    /// Has printed nothing that was not read.
    #[track_caller]
    fn is_silent(&mut self) {
        let next = futures_util::FutureExt::now_or_never(self.stdout.next_line());
        assert!(next.is_none(), "{next:?}; it said:\n{}", self.said());
    }

    async fn prints_and_succeeds(mut self) -> Vec<String> {
        let mut printed = Vec::new();
        while let Some(line) = self.next_line().await {
            printed.push(line);
        }
        assert!(self.ends().await.success(), "it printed {printed:?} and said:\n{}", self.said());
        printed
    }

    async fn fails_saying(mut self, what: &'static str) {
        let ended = self.ends().await;
        let said = self.said.clone();
        eventually("it says why", async || said.lock().expect("no panic in here").contains(what)).await;
        assert!(!ended.success());
        assert_eq!(self.next_line().await, None);
    }

    async fn says_where_it_listens(&mut self) -> String {
        let said = self.said.clone();
        let address = || {
            let said = said.lock().expect("no panic in here");
            Some(said.split_once("listening on ")?.1.split_once('\n')?.0.to_owned())
        };
        eventually("it listens", async || address().is_some()).await;
        address().expect("it listens")
    }

    async fn ends(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        ended.unwrap_or_else(|_| panic!("it goes on; it said:\n{}", self.said())).expect("a status")
    }

    fn said(&self) -> String {
        self.said.lock().expect("no panic in here").clone()
    }
}

fn name_of(event: &Value) -> (String, i64) {
    (text(&event["order_id"]).to_owned(), event["version"].as_i64().expect("a version"))
}

/// Deleted when dropped.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("ot-example-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&path).expect("a folder");
        Folder { path }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.path).ok();
    }
}

// ---- A bad day ----

/// Between a program and the server: does with one request after the other as it is told, and lets all further ones through.
struct Road {
    base: String,
    requests: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    /// The connection ends before the server has got it.
    Lost,
    /// The server has done it, and nobody hears of it.
    AnswerLost,
    /// The same, in the middle of the answer.
    AnswerCut,
    /// The server never gets it, this is answered instead: status, code, Retry-After.
    Answered(u16, &'static str, u32),
    Passes,
}

#[derive(Debug)]
struct Asked {
    at: Instant,
    key: Option<String>,
}

impl Road {
    async fn to(base: &str, fates: &'static [Fate]) -> Road {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let target = base.strip_prefix("http://").expect("a base").to_owned();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = requests.clone();
        let task = tokio::spawn(async move {
            let mut fates = fates.iter().copied();
            while let Ok((client, _)) = listener.accept().await {
                // One after the other: a program that sends two at once is not what we have.
                carry(client, &target, &noted, &mut || fates.next().unwrap_or(Fate::Passes)).await;
            }
        });
        Road { base: format!("http://{address}"), requests, task }
    }

    fn requests(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.requests.lock().expect("no panic in here"))
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request of a connection, which then ends.
async fn carry(mut client: TcpStream, target: &str, noted: &Mutex<Vec<Asked>>, next_fate: &mut impl FnMut() -> Fate) {
    let mut request = Vec::new();
    let (head, length) = loop {
        // A connection on which nothing comes was opened in vain.
        if !matches!(client.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
        let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(request[..end].to_vec()).expect("UTF-8");
        let length: usize = header(&head, "content-length").map_or(0, |length| length.parse().expect("a number"));
        break (head, end + 4 + length);
    };
    while request.len() < length {
        client.read_buf(&mut request).await.expect("the rest");
    }
    noted.lock().expect("no panic in here").push(Asked { at: Instant::now(), key: header(&head, "idempotency-key") });
    let fate = next_fate();
    let answer = match fate {
        Fate::Lost => return,
        Fate::Answered(status, code, retry_after) => {
            let problem = json!({"type": "about:blank", "title": "", "status": status, "detail": "", "code": code,
                                 "request_id": "1"})
            .to_string();
            let length = problem.len();
            format!(
                "HTTP/1.1 {status} Not now\r\nContent-Type: application/problem+json\r\nContent-Length: {length}\r\n\
                 Retry-After: {retry_after}\r\nConnection: close\r\n\r\n{problem}"
            )
            .into_bytes()
        }
        Fate::AnswerLost | Fate::AnswerCut | Fate::Passes => {
            let kept: Vec<&str> =
                head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("connection:")).collect();
            let mut server = TcpStream::connect(target).await.expect("the server");
            let head_to_send = format!("{}\r\nConnection: close\r\n\r\n", kept.join("\r\n"));
            server.write_all(head_to_send.as_bytes()).await.expect("it is there");
            server.write_all(&request[head.len() + 4..]).await.expect("it is there");
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).await.expect("an answer");
            answer
        }
    };
    let length = match fate {
        Fate::AnswerLost => 0,
        Fate::AnswerCut => answer.len() - 20,
        _ => answer.len(),
    };
    client.write_all(&answer[..length]).await.ok();
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}
