//! What replicas tell each other after a commit, and its form on the wire.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::event::Event;
use crate::storage::events::{FeedEntry, Mark};

/// An event with what its delivery needs of its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    pub event: Event,
    pub owner_id: Uuid,
    pub public_tracking: bool,
}

impl Announcement {
    pub fn mark(&self) -> Mark {
        Mark::from(&self.event)
    }
}

impl From<FeedEntry> for Announcement {
    fn from(entry: FeedEntry) -> Announcement {
        Announcement { event: entry.event, owner_id: entry.owner_id, public_tracking: entry.public_tracking }
    }
}

/// A message on the channel: the sender's ID in 32 hexadecimal digits, so that one's own echo is dropped unread, then
/// announcements as a JSON array, or nothing at all in a tick.
#[derive(Debug, PartialEq)]
pub enum Message {
    /// Somebody's sign of life.
    Tick,
    Echo,
    News(Vec<Announcement>),
}

const SENDER_LENGTH: usize = 32;

pub fn encode(sender: Uuid, announcements: &[&Announcement]) -> serde_json::Result<Vec<u8>> {
    let mut message = tick(sender);
    serde_json::to_writer(&mut message, announcements)?;
    Ok(message)
}

pub fn tick(sender: Uuid) -> Vec<u8> {
    sender.simple().to_string().into_bytes()
}

/// Reads a message as `replica` does.
pub fn decode(message: &[u8], replica: Uuid) -> Result<Message, Malformed> {
    let (sender, body) = message.split_at_checked(SENDER_LENGTH).ok_or(Malformed::NoSender)?;
    let sender = Uuid::try_parse_ascii(sender).map_err(|_| Malformed::NoSender)?;
    match body {
        [] => Ok(Message::Tick),
        _ if sender == replica => Ok(Message::Echo),
        json => Ok(Message::News(serde_json::from_slice(json)?)),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("it does not begin with a replica's ID")]
    NoSender,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::domain::account::Role;
    use crate::domain::event::{EventActor, EventType};
    use crate::domain::ids::OrderId;
    use crate::domain::status::Status;
    use chrono::DateTime;

    /// A public note, unless told otherwise.
    pub fn announcement(id: &str, version: i32) -> Announcement {
        let at = DateTime::from_timestamp_millis(1_800_000_000_000).unwrap();
        Announcement {
            event: Event {
                order_id: OrderId::parse(id).unwrap(),
                version,
                previous_public_version: (version > 1).then_some(version - 1),
                public: true,
                kind: EventType::Noted,
                status: Status::Started,
                reason: None,
                message: Some("hello".into()),
                note: Some("SECRET".into()),
                location: None,
                estimated_at: None,
                assignee: None,
                changed: Vec::new(),
                undoes: None,
                actor: EventActor { id: Uuid::nil(), role: Role::Mover, name: "Max".into() },
                occurred_at: at,
                recorded_at: at,
            },
            owner_id: Uuid::from_u128(7),
            public_tracking: true,
        }
    }

    #[test]
    fn others_read_what_was_sent_and_the_sender_does_not() {
        let (here, there) = (Uuid::now_v7(), Uuid::now_v7());
        let news = vec![announcement("7K3M9Q2XTB", 4), announcement("7K3M9Q2XTC", 1)];
        let message = encode(here, &news.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(decode(&message, there).unwrap(), Message::News(news));
        assert_eq!(decode(&message, here).unwrap(), Message::Echo);
        assert_eq!(decode(&tick(here), here).unwrap(), Message::Tick, "the own tick counts: the link works");
    }

    #[test]
    fn what_is_malformed_is_told_from_news() {
        let here = Uuid::now_v7();
        for message in ["", "short", "not a replica's ID, but long enough []"] {
            assert!(decode(message.as_bytes(), here).is_err(), "{message:?}");
        }
        let wrong = format!("{}[{{\"event\":1}}]", Uuid::now_v7().simple());
        assert!(matches!(decode(wrong.as_bytes(), here), Err(Malformed::Json(_))));
    }
}
