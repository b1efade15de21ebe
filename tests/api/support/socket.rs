//! The live socket as a client sees it. Waits are for frames, and bounded.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::client::PATIENCE;
use super::contract::CONTRACT;

/// The code that says that the database went back to an earlier state.
pub const RESTORED: u16 = 4410;

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub async fn open(base: &str) -> Socket {
        Socket::try_open(base, None).await.expect("the socket opens")
    }

    /// The error is the status that was answered instead.
    pub async fn try_open(base: &str, origin: Option<&str>) -> Result<Socket, u16> {
        let url = format!("{}/api/v1/live", base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a URL");
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("an origin"));
        }
        let connecting = tokio_tungstenite::connect_async(request);
        match tokio::time::timeout(PATIENCE, connecting).await.expect("an answer in time") {
            Ok((stream, _)) => Ok(Socket { stream }),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("no socket: {error}"),
        }
    }

    /// With little room in the kernel for what is not read.
    pub async fn open_narrow(base: &str) -> Socket {
        let address = base.strip_prefix("http://").expect("a base").parse().expect("an address");
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(8 * 1024).expect("a small buffer");
        let stream = socket.connect(address).await.expect("a connection");
        let url = format!("ws://{address}/api/v1/live");
        let (stream, _) =
            tokio_tungstenite::client_async(url, MaybeTlsStream::Plain(stream)).await.expect("the socket opens");
        Socket { stream }
    }

    pub async fn send(&mut self, frame: Value) {
        CONTRACT.check_component("LiveClientFrame", &frame);
        self.send_raw(Message::text(frame.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.stream.send(message).await.expect("the socket takes a frame");
    }

    /// For when the server may have closed already.
    pub async fn try_send_raw(&mut self, message: Message) {
        self.stream.send(message).await.ok();
    }

    /// The next frame, heartbeats included.
    pub async fn next_within(&mut self, patience: Duration) -> Value {
        match self.next_message(patience).await {
            Some(Message::Text(text)) => {
                let frame = serde_json::from_str(&text).expect("frames are JSON");
                CONTRACT.check_component("LiveServerFrame", &frame);
                frame
            }
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    /// The next frame that is no heartbeat.
    pub async fn next(&mut self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let frame = self.next_within(deadline.saturating_duration_since(Instant::now())).await;
            if frame["type"] != "heartbeat" {
                return frame;
            }
        }
    }

    /// Expects the server to close the socket, and gives back its code.
    pub async fn closing_code(&mut self) -> u16 {
        loop {
            match self.next_message(PATIENCE).await {
                Some(Message::Close(Some(frame))) => return frame.code.into(),
                Some(Message::Text(_)) => {}
                other => panic!("expected a closing frame with a code, got {other:?}"),
            }
        }
    }

    async fn next_message(&mut self, patience: Duration) -> Option<Message> {
        loop {
            let next = tokio::time::timeout(patience, self.stream.next()).await;
            match next.unwrap_or_else(|_| panic!("nothing came within {patience:?}")) {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(error)) => panic!("the socket broke: {error}"),
                None => return None,
            }
        }
    }

    pub async fn authenticate(&mut self, token: &str) -> Value {
        self.send(json!({"type": "authenticate", "token": token})).await;
        let answer = self.next().await;
        assert_eq!(answer["type"], "authenticated", "{answer}");
        answer
    }

    /// The server's first answer about this topic.
    pub async fn subscribe(&mut self, topic: &str, after: Option<i64>) -> Value {
        let mut frame = json!({"type": "subscribe", "topic": topic});
        if let Some(after) = after {
            frame["after"] = json!(after);
        }
        self.send(frame).await;
        loop {
            let answer = self.next().await;
            if answer["topic"] == topic && answer["type"] != "event" {
                return answer;
            }
        }
    }

    pub async fn watch(mut self, topic: &str, after: Option<i64>) -> Watcher {
        let subscribed = self.subscribe(topic, after).await;
        assert_eq!(subscribed["type"], "subscribed", "{subscribed}");
        let events: VecDeque<Value> = subscribed["events"].as_array().cloned().unwrap_or_default().into();
        let mut watcher = Watcher { socket: self, topic: topic.to_owned(), subscribed, seen: None, waiting: events };
        let known = after.filter(|after| *after > 0 && watcher.subscribed["reset"] != true);
        watcher.seen = known.map(|version| version as i32);
        watcher
    }
}

/// Somebody who watches one topic, and complains when an event is missing, repeated or out of order.
pub struct Watcher {
    pub socket: Socket,
    pub topic: String,
    pub subscribed: Value,
    /// Version of the newest event.
    seen: Option<i32>,
    waiting: VecDeque<Value>,
}

impl Watcher {
    /// The next event: first those that `subscribed` brought, then what comes.
    pub async fn next_event(&mut self) -> Value {
        let event = match self.waiting.pop_front() {
            Some(event) => event,
            None => {
                let frame = self.socket.next().await;
                assert_eq!((&frame["type"], &frame["topic"]), (&json!("event"), &json!(self.topic)), "{frame}");
                frame["event"].clone()
            }
        };
        self.check(&event);
        event
    }

    /// Events until the one of this version, which is the last.
    pub async fn events_until(&mut self, version: i64) -> Vec<Value> {
        let mut events = Vec::new();
        while events.last().is_none_or(|event: &Value| event["version"] != version) {
            events.push(self.next_event().await);
        }
        events
    }

    fn check(&mut self, event: &Value) {
        let version = event["version"].as_i64().expect("a version") as i32;
        if self.topic.starts_with("track:") {
            CONTRACT.check_component("PublicEvent", event);
            let previous = event["previous_version"].as_i64().map(|version| version as i32);
            assert_eq!(previous, self.seen, "a gap or a repeat: {event}");
            self.seen = Some(version);
        } else {
            CONTRACT.check_component("Event", event);
            if self.topic.starts_with("order:") {
                assert_eq!(version, self.seen.unwrap_or(0) + 1, "a gap or a repeat: {event}");
                self.seen = Some(version);
            }
        }
    }
}
