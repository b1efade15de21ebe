//! Anything at all on the live socket: the server answers each frame or closes the socket with a code, does not panic, and
//! does not grow. Some seconds of it in `make test`; FUZZ_SECONDS=600 in `make soak`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};

use crate::support::people::Person;
use crate::support::process::Process;
use crate::support::tokens::lasting;
use crate::support::{Database, usual_settings};

/// What a client sends.
#[derive(Debug, Clone)]
enum Sent {
    Text(String),
    /// The same in several frames.
    InPieces(String, usize),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// Bytes that may be frames, and the end of the connection.
    Raw(Vec<u8>),
}

/// What the protocol says about it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Effect {
    Answer,
    Nothing,
    /// With this code.
    End(u16),
    /// Nobody knows what these bytes say.
    Anything,
}

/// The client's frames as openapi.yaml has them.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Proper {
    Authenticate {
        token: String,
    },
    Subscribe {
        topic: String,
        #[serde(default)]
        #[allow(dead_code)]
        after: Option<u64>,
    },
    Unsubscribe {
        topic: String,
    },
}

const FRAME_MAX: usize = 16 * 1024;
const TOO_LARGE: u16 = 1009;
const NOT_THE_PROTOCOL: u16 = 4400;
const WRONG_TOKEN: u16 = 4401;
const PROBE: &str = "track:PR0BEPR0BE";

impl Sent {
    fn effect(&self, token: &str) -> Effect {
        match self {
            Sent::Text(text) | Sent::InPieces(text, _) if text.len() > FRAME_MAX => Effect::End(TOO_LARGE),
            Sent::Text(text) | Sent::InPieces(text, _) => match serde_json::from_str(text) {
                Ok(Proper::Authenticate { token: shown }) if shown != token => Effect::End(WRONG_TOKEN),
                Ok(_) => Effect::Answer,
                Err(_) => Effect::End(NOT_THE_PROTOCOL),
            },
            Sent::Binary(_) => Effect::End(NOT_THE_PROTOCOL),
            // A client's own code comes back.
            Sent::Close(code, _) => Effect::End(*code),
            Sent::Ping(_) | Sent::Pong(_) => Effect::Nothing,
            Sent::Raw(_) => Effect::Anything,
        }
    }
}

/// Anything, mostly short; and long conversations of which every word is to be answered.
fn conversation(order: &str, token: &str) -> impl Strategy<Value = Vec<Sent>> + use<> {
    let proper = (proper_frame(order, token), 1..4usize).prop_map(|(frame, pieces)| match pieces {
        1 => Sent::InPieces(frame.to_string(), 3),
        _ => Sent::Text(frame.to_string()),
    });
    prop_oneof![
        2 => prop::collection::vec(sent(order, token), 1..12),
        1 => prop::collection::vec(proper, 30..300),
    ]
}

fn sent(order: &str, token: &str) -> impl Strategy<Value = Sent> + use<> {
    let text = text(order, token).boxed();
    prop_oneof![
        20 => text.clone().prop_map(Sent::Text),
        3 => (text, 1..20usize).prop_map(|(text, pieces)| Sent::InPieces(text, pieces)),
        1 => (16_000..20_000usize).prop_map(|length| Sent::Text("x".repeat(length))),
        1 => (16_000..20_000usize).prop_map(|length| {
            Sent::Text(format!(r#"{{"type":"unsubscribe","topic":"{}"}}"#, "x".repeat(length)))
        }),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Sent::Binary),
        2 => prop::collection::vec(any::<u8>(), 0..=125).prop_map(Sent::Ping),
        1 => prop::collection::vec(any::<u8>(), 0..=125).prop_map(Sent::Pong),
        1 => (3000..5000u16, "[a-z]{0,40}").prop_map(|(code, reason)| Sent::Close(code, reason)),
        3 => raw().prop_map(Sent::Raw),
    ]
}

fn text(order: &str, token: &str) -> impl Strategy<Value = String> + use<> {
    let frame = frame(order, token).boxed();
    prop_oneof![
        12 => frame.clone().prop_map(|frame| frame.to_string()),
        4 => (frame.clone(), key(), json_value()).prop_map(|(mut frame, key, value)| {
            frame[key] = value;
            frame.to_string()
        }),
        2 => (frame.clone(), key()).prop_map(|(mut frame, key)| {
            frame.as_object_mut().expect("an object").remove(&key);
            frame.to_string()
        }),
        2 => (frame, any::<prop::sample::Index>(), any::<char>()).prop_map(|(frame, place, letter)| {
            let mut letters: Vec<char> = frame.to_string().chars().collect();
            let place = place.index(letters.len());
            letters[place] = letter;
            letters.into_iter().collect()
        }),
        1 => json_value().prop_map(|value| value.to_string()),
        1 => ".{0,300}",
        1 => (1..10_000usize).prop_map(|depth| "[".repeat(depth)),
    ]
}

fn frame(order: &str, token: &str) -> impl Strategy<Value = Value> + use<> {
    prop_oneof![
        15 => proper_frame(order, token),
        1 => ".{0,60}".prop_map(|token| json!({"type": "authenticate", "token": token})),
        1 => (topic(order), any::<i64>()).prop_map(|(topic, after)| json!({"type": "subscribe", "topic": topic, "after": after})),
    ]
}

/// One that is answered.
fn proper_frame(order: &str, token: &str) -> impl Strategy<Value = Value> + use<> {
    let token = token.to_owned();
    let after = prop_oneof![
        Just(Value::Null),
        (0..5u64).prop_map(|after| json!(after)),
        any::<u64>().prop_map(|after| json!(after)),
    ];
    prop_oneof![
        6 => (topic(order), after).prop_map(|(topic, after)| json!({"type": "subscribe", "topic": topic, "after": after})),
        3 => topic(order).prop_map(|topic| json!({"type": "subscribe", "topic": topic})),
        4 => topic(order).prop_map(|topic| json!({"type": "unsubscribe", "topic": topic})),
        2 => Just(json!({"type": "authenticate", "token": token})),
    ]
}

fn topic(order: &str) -> impl Strategy<Value = String> + use<> {
    prop_oneof![
        3 => Just(format!("track:{order}")),
        3 => Just(format!("order:{order}")),
        3 => Just("orders".to_owned()),
        2 => "(track|order):[0-9A-HJKMNP-TV-Z]{10}",
        1 => "(track|order|orders|):?.{0,40}",
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![Just("type".to_owned()), Just("topic".to_owned()), Just("after".to_owned()), "[a-z]{0,8}"]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{0,6}", inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

/// Headers with any bits set, any announced length, masked or not, and bytes that need not be as many.
fn raw() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let header = (any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..12));
    prop_oneof![
        bytes.clone(),
        (header, bytes).prop_map(|((first, second, more), bytes)| [vec![first, second], more, bytes].concat()),
        // A text frame that is none: not UTF-8.
        prop::collection::vec(any::<u8>(), 1..100).prop_map(|bytes| {
            let mut frame = vec![0x81, 0x80 | bytes.len() as u8, 0, 0, 0, 0];
            frame.extend(bytes);
            frame
        }),
    ]
}

#[tokio::test]
async fn every_frame_is_answered_or_ends_the_socket() {
    let seconds = std::env::var("FUZZ_SECONDS").ok().map_or(8, |number| number.parse().expect("a number"));
    let database = Database::cloned();
    let mut process = Process::serves(&usual_settings(&database)).await;
    let uma = Person::registers(&process.base, "Uma").await;
    let order = uma.create_order("Sofa").await;
    // Longer than this takes.
    let token = lasting(&uma.token);
    let conversation = conversation(&order.id, &token);
    let mut runner = TestRunner::new(Config::default());
    let mut invent = || conversation.new_tree(&mut runner).expect("a conversation").current();

    let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
    let (mut conversations, mut answers, mut after_warming_up) = (0, 0, None);
    while start.elapsed() < limit {
        let some: Vec<_> = (0..16).map(|_| invent()).collect();
        let answered = futures_util::future::join_all(some.iter().map(async |sent| {
            // Named, so that a failure can be told again.
            let conversing = converse(&process.base, sent, &token).await;
            conversing.unwrap_or_else(|wrong| panic!("{wrong}\nafter {sent:#?}"))
        }))
        .await;
        answers += answered.iter().sum::<usize>();
        conversations += some.len();
        if after_warming_up.is_none() && start.elapsed() > limit / 4 {
            after_warming_up = Some(process.memory());
        }
    }
    let grown = process.memory().saturating_sub(after_warming_up.expect("it was warm"));
    eprintln!(
        "{conversations} conversations with {answers} answers; memory grew by {} KiB after a quarter of them",
        grown / 1024
    );
    assert!(conversations > 100 && answers > 1000, "{conversations} conversations, {answers} answers");
    assert!(grown < 8 * 1024 * 1024, "it grew by {grown} bytes");
    process.signal("TERM");
    assert_eq!(process.ends_within(Duration::from_secs(10)).await, Some(0));
    let log = process.log_until_its_end(Duration::from_secs(1)).await;
    assert!(!log.contains("panicked"), "{log}");
}

/// Sends it all up to what ends the socket, and listens; gives back how much was answered.
async fn converse(base: &str, sent: &[Sent], token: &str) -> Result<usize, String> {
    let address = base.strip_prefix("http://").expect("a base");
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let url = format!("ws://{address}/api/v1/live");
    let (mut socket, _) =
        tokio_tungstenite::client_async(url, stream).await.map_err(|error| format!("no socket: {error}"))?;

    let effects: Vec<_> = sent.iter().map(|one| one.effect(token)).collect();
    let last = effects.iter().position(|effect| matches!(effect, Effect::End(_) | Effect::Anything));
    let said = &sent[..last.map_or(sent.len(), |last| last + 1)];
    for one in said {
        send(&mut socket, one).await.map_err(|error| format!("it ended too early: {error}"))?;
    }
    let end = last.map_or(Effect::Nothing, |last| effects[last]);
    if end == Effect::Nothing {
        let probe = json!({"type": "unsubscribe", "topic": PROBE}).to_string();
        socket.send(Message::text(probe)).await.map_err(|error| format!("it ended too early: {error}"))?;
    }
    let answers = answers_to(said, &effects);
    tokio::time::timeout(Duration::from_secs(10), listen(socket, end, answers))
        .await
        .map_err(|_| "nothing more comes, and it is not over".to_owned())?
}

/// How many answers there are at least: a subscription that is unsubscribed before it has begun may never be told of.
fn answers_to(said: &[Sent], effects: &[Effect]) -> usize {
    let answered = effects[..said.len()].iter().filter(|effect| **effect == Effect::Answer).count();
    let (mut asked, mut excused) = (HashSet::new(), 0);
    for sent in said {
        let (Sent::Text(text) | Sent::InPieces(text, _)) = sent else { continue };
        match serde_json::from_str(text) {
            Ok(Proper::Subscribe { topic, .. }) => drop(asked.insert(topic)),
            Ok(Proper::Unsubscribe { topic }) if asked.remove(&topic) => excused += 1,
            _ => {}
        }
    }
    answered - excused
}

async fn listen(mut socket: WebSocketStream<TcpStream>, end: Effect, least: usize) -> Result<usize, String> {
    let (mut answers, mut is_probed) = (0, false);
    loop {
        if end == Effect::Nothing && is_probed && answers >= least {
            return Ok(answers);
        }
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let frame: Value = serde_json::from_str(&text).map_err(|error| format!("{text}: {error}"))?;
                match frame["type"].as_str() {
                    Some("unsubscribed") if frame["topic"] == PROBE => is_probed = true,
                    Some("subscribed" | "unsubscribed" | "error" | "authenticated") => answers += 1,
                    Some("event" | "heartbeat" | "gone") => {}
                    _ => return Err(format!("an unknown frame {frame}")),
                }
            }
            Some(Ok(Message::Close(reason))) => {
                let code = reason.map(|reason| u16::from(reason.code));
                return match end {
                    Effect::Nothing => Err(format!("closed with {code:?} for nothing")),
                    Effect::End(expected) if code != Some(expected) => {
                        Err(format!("closed with {code:?} instead of {expected}"))
                    }
                    _ => Ok(answers),
                };
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None if end == Effect::Anything => return Ok(answers),
            Some(Err(error)) => return Err(format!("it broke: {error}")),
            None => return Err("it ended without a code".to_owned()),
        }
    }
}

async fn send(socket: &mut WebSocketStream<TcpStream>, sent: &Sent) -> Result<(), String> {
    let message = match sent.clone() {
        Sent::Text(text) => Message::text(text),
        Sent::Binary(bytes) => Message::binary(bytes),
        Sent::Ping(bytes) => Message::Ping(bytes.into()),
        Sent::Pong(bytes) => Message::Pong(bytes.into()),
        Sent::Close(code, reason) => Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })),
        Sent::InPieces(text, pieces) => {
            let bytes = text.into_bytes();
            let size = bytes.len().div_ceil(pieces).max(1);
            let chunks: Vec<_> = if bytes.is_empty() { vec![&bytes[..]] } else { bytes.chunks(size).collect() };
            for (number, chunk) in chunks.iter().enumerate() {
                let opcode = if number == 0 { Data::Text } else { Data::Continue };
                let is_last = number + 1 == chunks.len();
                let frame = Frame::message(chunk.to_vec(), OpCode::Data(opcode), is_last);
                socket.send(Message::Frame(frame)).await.map_err(|error| error.to_string())?;
            }
            return Ok(());
        }
        Sent::Raw(bytes) => {
            socket.flush().await.map_err(|error| error.to_string())?;
            let stream = socket.get_mut();
            stream.write_all(&bytes).await.map_err(|error| error.to_string())?;
            return stream.shutdown().await.map_err(|error| error.to_string());
        }
    };
    socket.send(message).await.map_err(|error| error.to_string())
}
