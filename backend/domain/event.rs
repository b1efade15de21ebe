//! An event, its one JSON shape, and what of it is public.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::{Person, Role};
use super::ids::OrderId;
use super::status::{Reason, Status, named};
use super::time::to_millis;

named! {
    EventType {
        Created = "order.created",
        StatusChanged = "order.status_changed",
        Noted = "order.noted",
        DetailsChanged = "order.details_changed",
        AssigneeChanged = "order.assignee_changed",
    }
}

/// One entry of an order's history, identified by (order ID, version). `status`, `estimated_at` and `assignee` are the
/// order's after the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub order_id: OrderId,
    pub version: i32,
    /// The public event before this one; null on the first.
    pub previous_public_version: Option<i32>,
    pub public: bool,
    #[serde(rename = "type")]
    pub kind: EventType,
    pub status: Status,
    pub reason: Option<Reason>,
    pub message: Option<String>,
    pub note: Option<String>,
    pub location: Option<String>,
    #[serde(serialize_with = "to_millis")]
    pub estimated_at: Option<DateTime<Utc>>,
    pub assignee: Option<Person>,
    /// Names of the details that changed.
    pub changed: Vec<String>,
    /// The version of the move that this one takes back.
    pub undoes: Option<i32>,
    pub actor: EventActor,
    #[serde(serialize_with = "to_millis")]
    pub occurred_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    pub recorded_at: DateTime<Utc>,
}

/// Who did it, by the name of that time. The ID stays inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventActor {
    #[serde(skip)]
    pub id: Uuid,
    pub role: Role,
    pub name: String,
}

/// What whoever holds the order's ID may see of a public event, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PublicEvent<'a> {
    pub version: i32,
    pub previous_version: Option<i32>,
    #[serde(rename = "type")]
    pub kind: EventType,
    pub status: Status,
    pub reason: Option<Reason>,
    pub message: Option<Cow<'a, str>>,
    pub location: Option<Cow<'a, str>>,
    #[serde(serialize_with = "to_millis")]
    pub estimated_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "to_millis")]
    pub occurred_at: DateTime<Utc>,
}

impl Event {
    /// Bytes of what people wrote in it.
    pub fn text_length(&self) -> usize {
        [&self.message, &self.note, &self.location].into_iter().flatten().map(String::len).sum()
    }

    /// The public projection; none of a private event.
    pub fn public_view(&self) -> Option<PublicEvent<'_>> {
        self.public.then_some(PublicEvent {
            version: self.version,
            previous_version: self.previous_public_version,
            kind: self.kind,
            status: self.status,
            reason: self.reason,
            message: self.message.as_deref().map(Cow::Borrowed),
            location: self.location.as_deref().map(Cow::Borrowed),
            estimated_at: self.estimated_at,
            occurred_at: self.occurred_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let at = DateTime::from_timestamp_millis(1_800_000_000_123).unwrap();
        Event {
            order_id: OrderId::parse("7K3M9Q2XTB").unwrap(),
            version: 4,
            previous_public_version: Some(3),
            public: true,
            kind: EventType::StatusChanged,
            status: Status::OnHold,
            reason: Some(Reason::RecipientAbsent),
            message: Some("We come again".into()),
            note: Some("SECRET note".into()),
            location: Some("Lisbon".into()),
            estimated_at: Some(at),
            assignee: Some(Person { id: Uuid::nil(), name: "SECRET assignee".into() }),
            changed: vec!["SECRET".into()],
            undoes: Some(2),
            actor: EventActor { id: Uuid::nil(), role: Role::Mover, name: "SECRET actor".into() },
            occurred_at: at,
            recorded_at: at + chrono::Duration::seconds(77),
        }
    }

    #[test]
    fn the_public_view_has_these_fields_and_no_other() {
        let event = event();
        let view = serde_json::to_value(event.public_view().unwrap()).unwrap();
        let fields: Vec<&str> = view.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            fields,
            [
                "estimated_at",
                "location",
                "message",
                "occurred_at",
                "previous_version",
                "reason",
                "status",
                "type",
                "version"
            ]
        );
        assert!(!view.to_string().contains("SECRET"));
        assert!(!view.to_string().contains(&serde_json::to_string(&event.recorded_at).unwrap()));
    }

    #[test]
    fn a_private_event_has_no_public_view() {
        assert_eq!(Event { public: false, ..event() }.public_view(), None);
    }

    #[test]
    fn the_shape_is_the_designs() {
        let json = serde_json::to_value(event()).unwrap();
        assert_eq!(json["type"], "order.status_changed");
        assert_eq!(json["actor"], serde_json::json!({"role": "mover", "name": "SECRET actor"}));
        assert_eq!(json["occurred_at"], "2027-01-15T08:00:00.123Z");
        assert_eq!(json.as_object().unwrap().len(), 17);
    }
}
