//! The frames of the protocol, one for one as openapi.yaml describes them at `/api/v1/live`.

use bytestring::ByteString;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::topics::Topic;
use crate::domain::event::Event;
use crate::domain::time::to_millis;
use crate::storage::tracking::Which;

/// What a client may send. Anything else ends the socket.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    Authenticate {
        token: String,
    },
    Subscribe {
        topic: String,
        /// The version that the client has; null and absent are 0. Means nothing on `orders`.
        #[serde(default)]
        after: Option<u64>,
    },
    Unsubscribe {
        topic: String,
    },
}

pub const HEARTBEAT: ByteString = ByteString::from_static(r#"{"type":"heartbeat"}"#);
pub const RESYNC_ORDERS: ByteString = ByteString::from_static(r#"{"type":"resync","topic":"orders"}"#);

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ServerFrame<'a> {
    Authenticated {
        #[serde(serialize_with = "to_millis")]
        expires_at: Option<DateTime<Utc>>,
    },
    Subscribed {
        topic: String,
        version: i32,
        #[serde(skip_serializing_if = "is_false")]
        reset: bool,
        events: Vec<View<'a>>,
    },
    #[serde(rename = "subscribed")]
    SubscribedToOrders {
        topic: &'static str,
    },
    Event {
        topic: String,
        event: View<'a>,
    },
    Unsubscribed {
        topic: String,
    },
    Gone {
        topic: String,
    },
    Error {
        code: &'static str,
        detail: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        topic: Option<&'a str>,
    },
}

/// An event as a topic shows it.
#[derive(Serialize)]
#[serde(untagged)]
enum View<'a> {
    Full(&'a Event),
    Public(crate::domain::event::PublicEvent<'a>),
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Null for an API key that does not expire.
pub fn authenticated(expires_at: Option<DateTime<Utc>>) -> Option<ByteString> {
    encode(&ServerFrame::Authenticated { expires_at })
}

/// `version` is the newest one that the topic shows, `events` what of it fits into this frame.
pub fn subscribed(topic: Topic, version: i32, reset: bool, events: &[Event]) -> Option<ByteString> {
    let events = events.iter().filter_map(|event| view(topic, event)).collect();
    encode(&ServerFrame::Subscribed { topic: topic.to_string(), version, reset, events })
}

pub fn subscribed_to_orders() -> Option<ByteString> {
    encode(&ServerFrame::SubscribedToOrders { topic: "orders" })
}

/// None when the topic does not show this event.
pub fn event(topic: Topic, event: &Event) -> Option<ByteString> {
    encode(&ServerFrame::Event { topic: topic.to_string(), event: view(topic, event)? })
}

pub fn unsubscribed(topic: Topic) -> Option<ByteString> {
    encode(&ServerFrame::Unsubscribed { topic: topic.to_string() })
}

pub fn gone(topic: Topic) -> Option<ByteString> {
    encode(&ServerFrame::Gone { topic: topic.to_string() })
}

pub fn error(refusal: Refusal, topic: &str) -> Option<ByteString> {
    let (code, detail) = refusal.code_and_detail();
    // What is echoed has to be somebody's topic, not somebody's 16 KiB.
    let topic = (topic.len() <= 100).then_some(topic);
    encode(&ServerFrame::Error { code, detail, topic })
}

/// A key can't be looked up; the socket stays as it is.
pub fn not_authenticated() -> Option<ByteString> {
    let detail = "The database can't be reached; authenticate again in a moment.";
    encode(&ServerFrame::Error { code: "database_unavailable", detail, topic: None })
}

/// Why a subscription does not come about; the socket stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Unauthenticated,
    NotFound,
    TooManySubscriptions,
    AlreadySubscribed,
    RateLimited,
    DatabaseUnavailable,
    Internal,
}

impl Refusal {
    fn code_and_detail(self) -> (&'static str, &'static str) {
        match self {
            Refusal::Unauthenticated => {
                ("unauthenticated", "This topic needs an access token: send authenticate first.")
            }
            Refusal::NotFound => ("not_found", "There is nothing here that you may see."),
            Refusal::TooManySubscriptions => {
                ("too_many_subscriptions", "A socket has at most 200 subscriptions; unsubscribe or open another one.")
            }
            Refusal::AlreadySubscribed => ("already_subscribed", "This socket has a subscription to this topic."),
            Refusal::RateLimited => {
                ("rate_limited", "Too many topics were asked for that there are not; come back in a minute.")
            }
            Refusal::DatabaseUnavailable => {
                ("database_unavailable", "The database can't be reached; subscribe again in a moment.")
            }
            Refusal::Internal => ("internal", "Something went wrong here; subscribe again in a moment."),
        }
    }
}

fn view(topic: Topic, event: &Event) -> Option<View<'_>> {
    match topic.order() {
        Some((_, Which::Public)) => event.public_view().map(View::Public),
        Some((_, Which::All)) | None => Some(View::Full(event)),
    }
}

fn encode(frame: &ServerFrame) -> Option<ByteString> {
    match serde_json::to_string(frame) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "a frame can't be written");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::announcement::tests::announcement;
    use super::*;

    #[test]
    fn frames_are_the_protocols() {
        let topic = Topic::parse("track:7K3M9Q2XTB").unwrap();
        let event = announcement("7K3M9Q2XTB", 2).event;
        assert_eq!(
            subscribed(topic, 2, false, std::slice::from_ref(&event)).unwrap().to_string(),
            r#"{"type":"subscribed","topic":"track:7K3M9Q2XTB","version":2,"events":[{"version":2,"previous_version":1,"type":"order.noted","status":"started","reason":null,"message":"hello","location":null,"estimated_at":null,"occurred_at":"2027-01-15T08:00:00.000Z"}]}"#
        );
        assert_eq!(
            subscribed(topic, 2, true, &[]).unwrap().to_string(),
            r#"{"type":"subscribed","topic":"track:7K3M9Q2XTB","version":2,"reset":true,"events":[]}"#
        );
        assert_eq!(subscribed_to_orders().unwrap().to_string(), r#"{"type":"subscribed","topic":"orders"}"#);
        assert_eq!(gone(topic).unwrap().to_string(), r#"{"type":"gone","topic":"track:7K3M9Q2XTB"}"#);
        assert_eq!(
            error(Refusal::NotFound, "x").unwrap().to_string(),
            r#"{"type":"error","code":"not_found","detail":"There is nothing here that you may see.","topic":"x"}"#
        );
    }

    #[test]
    fn private_events_and_notes_do_not_reach_the_public() {
        let mut event = announcement("7K3M9Q2XTB", 2).event;
        let public = super::event(Topic::Track(event.order_id), &event).unwrap();
        assert!(!public.contains("SECRET"));
        assert!(super::event(Topic::Order(event.order_id), &event).unwrap().contains("SECRET"));
        event.public = false;
        assert_eq!(super::event(Topic::Track(event.order_id), &event), None);
    }

    #[test]
    fn what_a_client_may_send() {
        let read = |text| serde_json::from_str::<ClientFrame>(text);
        let subscribe = |after| ClientFrame::Subscribe { topic: "orders".into(), after };
        assert_eq!(read(r#"{"type":"subscribe","topic":"orders"}"#).unwrap(), subscribe(None));
        assert_eq!(read(r#"{"type":"subscribe","after":4,"topic":"orders"}"#).unwrap(), subscribe(Some(4)));
        for wrong in [
            "",
            "[]",
            "null",
            r#"{"topic":"orders"}"#,
            r#"{"type":"shout"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","topic":7}"#,
            r#"{"type":"subscribe","topic":"orders","after":-1}"#,
            r#"{"type":"subscribe","topic":"orders","after":1.5}"#,
            r#"{"type":"subscribe","topic":"orders","afetr":1}"#,
            r#"{"type":"authenticate"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
