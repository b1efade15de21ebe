//! Watchers: each keeps a socket to some replica, comes back when it is lost, and looks at each version that it gets.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::book::{Book, NO_CLOSING_FRAME, Newest};
use super::fleet::Fleet;

/// Of the world as far as a watcher needs to know it.
#[derive(Clone)]
pub struct View {
    pub fleet: Arc<Fleet>,
    pub book: Arc<Book>,
    pub token: String,
    /// Each change of it cuts all sockets.
    pub cuts: watch::Receiver<u32>,
    /// Whether watchers follow their habits, or keep still to let everything arrive.
    pub is_restless: Arc<AtomicBool>,
}

/// How a watcher behaves.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// The replica that it stays with; any, when none.
    pub replica: Option<usize>,
    /// About how long it keeps a socket before it drops it without a word.
    pub cuts_after: Option<Duration>,
    /// About how long it watches a topic before it unsubscribes, to come back a moment later.
    pub unsubscribes_after: Option<Duration>,
    /// The longest that it waits before it comes back.
    pub back_within: Duration,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits { replica: None, cuts_after: None, unsubscribes_after: None, back_within: Duration::from_millis(200) }
    }
}

/// One topic as somebody watches it, through all their sockets.
#[derive(Clone)]
pub struct Watching {
    pub topic: String,
    order: String,
    is_public: bool,
    seen: Arc<AtomicI32>,
    begun: Arc<AtomicUsize>,
}

impl Watching {
    pub fn new(id: &str, is_public: bool) -> Watching {
        let topic = if is_public { format!("track:{id}") } else { format!("order:{id}") };
        Watching { topic, order: id.to_owned(), is_public, seen: Arc::default(), begun: Arc::default() }
    }

    /// The newest version that has arrived.
    pub fn seen(&self) -> i32 {
        self.seen.load(Ordering::Relaxed)
    }

    /// How often it was subscribed to.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    pub fn has_begun(&self) -> bool {
        self.begun() > 0
    }

    pub fn has_all(&self, newest: &Newest) -> bool {
        let (version, public) = newest[&self.order];
        self.seen() == if self.is_public { public } else { version }
    }

    /// How far it is from there, in versions; 0 beyond it.
    pub fn behind(&self, newest: &Newest) -> i64 {
        let (version, public) = newest[&self.order];
        i64::from(if self.is_public { public } else { version } - self.seen()).max(0)
    }

    /// Takes in an event; says what is wrong with it.
    fn take(&self, event: &ToldEvent) -> Result<(), String> {
        let seen = self.seen();
        let follows = match self.is_public {
            true => event.previous_version.unwrap_or(0) == seen && event.version > seen,
            false => event.version == seen + 1,
        };
        self.seen.store(event.version, Ordering::Relaxed);
        match follows {
            true => Ok(()),
            false => {
                Err(format!("{}: {} (after {:?}) came after {seen}", self.topic, event.version, event.previous_version))
            }
        }
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: String,
    topic: Option<String>,
    code: Option<String>,
    #[serde(default)]
    reset: bool,
    #[serde(default, borrow)]
    events: Vec<&'a RawValue>,
    event: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ToldEvent {
    version: i32,
    previous_version: Option<i32>,
    /// When it was recorded: nobody here claims another time.
    occurred_at: DateTime<Utc>,
}

impl ToldEvent {
    fn read(event: &RawValue) -> ToldEvent {
        serde_json::from_str(event.get()).expect("an event of the protocol")
    }
}

/// Watches until it is aborted.
pub async fn watch(world: View, watching: Vec<Watching>, habits: Habits) {
    let mut cuts = world.cuts.clone();
    loop {
        if let Some(base) = world.fleet.address(habits.replica) {
            let socket = Socket::open(&world, &base, &watching, habits);
            let served = async {
                match tokio::time::timeout(Duration::from_secs(20), socket).await {
                    Ok(Some(mut socket)) => socket.serve().await,
                    _ => {
                        world.book.could_not_open();
                        None
                    }
                }
            };
            tokio::select! {
                biased;
                _ = cuts.changed() => {}
                _ = served => {}
            }
        }
        tokio::time::sleep(up_to(habits.back_within)).await;
    }
}

struct Socket<'a> {
    world: &'a View,
    stream: WebSocketStream<TcpStream>,
    topics: HashMap<String, Topic<'a>>,
    habits: Habits,
}

struct Topic<'a> {
    watching: &'a Watching,
    state: State,
}

enum State {
    /// Asked for.
    Asked,
    /// Events from this time on are told as they happen.
    Live(DateTime<Utc>),
    Leaving,
    Left,
}

impl<'a> Socket<'a> {
    async fn open(world: &'a View, base: &str, watching: &'a [Watching], habits: Habits) -> Option<Socket<'a>> {
        let address = base.strip_prefix("http://").expect("a base");
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let small = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let url = format!("ws://{address}/api/v1/live");
        let (stream, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(small)).await.ok()?;
        world.book.connected();
        let mut socket = Socket { world, stream, topics: HashMap::new(), habits };
        if watching.iter().any(|watching| !watching.is_public) {
            socket.send(json!({"type": "authenticate", "token": world.token})).await?;
        }
        for watching in watching {
            socket.topics.insert(watching.topic.clone(), Topic { watching, state: State::Left });
            socket.subscribe(&watching.topic).await?;
        }
        Some(socket)
    }

    async fn subscribe(&mut self, topic: &str) -> Option<()> {
        let known = self.topics.get_mut(topic)?;
        known.state = State::Asked;
        let seen = known.watching.seen();
        let mut frame = json!({"type": "subscribe", "topic": topic});
        if seen > 0 {
            frame["after"] = json!(seen);
        }
        self.send(frame).await
    }

    async fn send(&mut self, frame: serde_json::Value) -> Option<()> {
        self.stream.send(Message::text(frame.to_string())).await.ok()
    }

    /// None when the socket has ended, or was cut.
    async fn serve(&mut self) -> Option<()> {
        let cut = async |after: Option<Duration>| match after {
            Some(after) => tokio::time::sleep(around(after)).await,
            None => std::future::pending().await,
        };
        let end = cut(self.habits.cuts_after);
        tokio::pin!(end);
        let wander = cut(self.habits.unsubscribes_after);
        tokio::pin!(wander);
        loop {
            tokio::select! {
                message = self.stream.next() => match message {
                    Some(Ok(message)) => self.take(message).await?,
                    _ => {
                        self.world.book.closed(NO_CLOSING_FRAME);
                        return None;
                    }
                },
                () = &mut end => match self.world.is_restless.load(Ordering::Relaxed) {
                    true => return None,
                    false => end.set(cut(self.habits.cuts_after)),
                },
                () = &mut wander => {
                    self.wander().await?;
                    wander.set(cut(self.habits.unsubscribes_after));
                }
            }
        }
    }

    async fn take(&mut self, message: Message) -> Option<()> {
        match message {
            Message::Text(text) => {
                let frame: Frame = serde_json::from_str(&text).expect("a frame of the protocol");
                self.take_frame(frame).await
            }
            Message::Close(reason) => {
                self.world.book.closed(reason.map_or(0, |reason| reason.code.into()));
                None
            }
            _ => Some(()),
        }
    }

    async fn take_frame(&mut self, frame: Frame<'_>) -> Option<()> {
        let book = &self.world.book;
        let Some(name) = frame.topic else {
            if !matches!(frame.kind.as_str(), "heartbeat" | "authenticated") {
                book.violation(format!("a frame {} {:?}", frame.kind, frame.code));
            }
            return Some(());
        };
        let Some(topic) = self.topics.get_mut(&name) else {
            book.violation(format!("{name}: a {} that nobody asked for", frame.kind));
            return Some(());
        };
        let mut wrong = Vec::new();
        match (frame.kind.as_str(), &topic.state) {
            ("subscribed", State::Asked) => {
                if frame.reset {
                    wrong.push(format!("{name}: a reset after {}", topic.watching.seen()));
                }
                for text in frame.events {
                    let event = ToldEvent::read(text);
                    wrong.extend(topic.watching.take(&event).err());
                    book.told(&name, event.version, text.get());
                    book.delivered(None);
                }
                topic.watching.begun.fetch_add(1, Ordering::Relaxed);
                topic.state = State::Live(Utc::now());
            }
            ("event", State::Live(_) | State::Leaving) => {
                let text = frame.event.expect("an event");
                let event = ToldEvent::read(text);
                wrong.extend(topic.watching.take(&event).err());
                book.told(&name, event.version, text.get());
                let since = match topic.state {
                    State::Live(since) => Some(since),
                    _ => None,
                };
                let is_news = since.is_some_and(|since| event.occurred_at >= since);
                book.delivered(is_news.then_some(event.occurred_at));
            }
            ("unsubscribed", State::Leaving) => topic.state = State::Left,
            // To be asked again: the server could not begin, or go on with a long history, just now.
            ("error", State::Asked | State::Live(_))
                if matches!(frame.code.as_deref(), Some("database_unavailable")) =>
            {
                topic.state = State::Left;
                tokio::time::sleep(up_to(Duration::from_millis(300))).await;
                return self.subscribe(&name).await;
            }
            (kind, _) => wrong.push(format!("{name}: {kind} {:?} at the wrong time", frame.code)),
        }
        wrong.into_iter().for_each(|what| book.violation(what));
        Some(())
    }

    /// Leaves a topic that it watches, or comes back to one that it has left.
    async fn wander(&mut self) -> Option<()> {
        let names: Vec<String> = self.topics.keys().cloned().collect();
        for name in names {
            let topic = self.topics.get_mut(&name)?;
            match topic.state {
                State::Live(_) if self.world.is_restless.load(Ordering::Relaxed) => {
                    topic.state = State::Leaving;
                    self.send(json!({"type": "unsubscribe", "topic": name})).await?;
                }
                State::Left => self.subscribe(&name).await?,
                State::Live(_) | State::Asked | State::Leaving => {}
            }
        }
        Some(())
    }
}

fn up_to(limit: Duration) -> Duration {
    limit.mul_f64(rand::random_range(0.0..1.0))
}

/// Half as long to half as long again.
fn around(time: Duration) -> Duration {
    time.mul_f64(rand::random_range(0.5..1.5))
}
