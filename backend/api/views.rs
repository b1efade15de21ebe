//! How orders look from outside, to whom, and what the journal's rejections become.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::domain::account::{Caller, Person, Role};
use crate::domain::event::Event;
use crate::domain::ids::OrderId;
use crate::domain::order::{METADATA_KEYS_MAX, Order, Refusal};
use crate::domain::status::Status;
use crate::domain::time::to_millis;
use crate::error::{Error, Standing};
use crate::journal::{Recorded, Rejection};

/// An order as its owner and movers see it, with what this caller may do now.
#[derive(Debug, Serialize)]
pub struct OrderView {
    id: OrderId,
    owner: Person,
    status: Status,
    version: i32,
    title: String,
    description: Option<String>,
    reference: Option<String>,
    recipient: Recipient,
    pickup_address: Option<String>,
    delivery_address: Option<String>,
    metadata: BTreeMap<String, String>,
    public_tracking: bool,
    assignee: Option<Person>,
    #[serde(serialize_with = "to_millis")]
    due_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "to_millis")]
    estimated_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "to_millis")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    updated_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    completed_at: Option<DateTime<Utc>>,
    allowed: Vec<Status>,
    undo: Option<Undo>,
}

#[derive(Debug, Serialize)]
struct Recipient {
    name: Option<String>,
    phone: Option<String>,
}

#[derive(Debug, Serialize)]
struct Undo {
    version: i32,
    status: Status,
    #[serde(serialize_with = "to_millis")]
    until: Option<DateTime<Utc>>,
}

impl OrderView {
    pub fn new(order: Order, viewer: Uuid, role: Role, now: DateTime<Utc>) -> OrderView {
        let allowed = order.allowed(role);
        let undo = order.undoable(viewer, role, now).map(|(last, until)| Undo {
            version: last.version,
            status: last.from,
            until,
        });
        let details = order.details;
        OrderView {
            id: order.id,
            owner: order.owner,
            status: order.status,
            version: order.version,
            title: details.title,
            description: details.description,
            reference: details.reference,
            recipient: Recipient { name: details.recipient_name, phone: details.recipient_phone },
            pickup_address: details.pickup_address,
            delivery_address: details.delivery_address,
            metadata: details.metadata,
            public_tracking: details.public_tracking,
            assignee: order.assignee,
            due_at: details.due_at,
            estimated_at: order.estimated_at,
            created_at: order.created_at,
            updated_at: order.updated_at,
            completed_at: order.completed_at,
            allowed,
            undo,
        }
    }

    fn for_caller(order: Order, caller: &Caller, now: DateTime<Utc>) -> OrderView {
        OrderView::new(order, caller.id, caller.role, now)
    }

    pub fn id(&self) -> OrderId {
        self.id
    }

    /// Names this version of the order, as If-Match and If-None-Match want it.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// An event, if there was anything to tell, and the order after it.
#[derive(Debug, Serialize)]
pub struct RecordedView {
    pub event: Option<Event>,
    pub order: OrderView,
}

impl From<Recorded> for RecordedView {
    fn from(recorded: Recorded) -> RecordedView {
        RecordedView {
            event: recorded.event,
            order: OrderView::for_caller(recorded.order, &recorded.caller, recorded.now),
        }
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Error {
        match rejection {
            Rejection::NotFound => Error::NotFound,
            Rejection::Refused { refusal, order, caller, now } => refused(refusal, *order, &caller, now),
            Rejection::ReferenceTaken(holder) => Error::ReferenceTaken(holder),
            Rejection::NotAMover => Error::invalid("/mover_id", "not_a_mover", "must be an active mover's ID"),
            Rejection::AccountEnded => Error::SessionEnded,
            Rejection::DatabaseUnavailable => Error::DatabaseUnavailable,
            Rejection::KeyInProgress => Error::IdempotencyInProgress,
            Rejection::KeyReused => Error::IdempotencyKeyReused,
            Rejection::AnsweredBefore(_) => Error::Internal("an answer that was kept is no error".to_owned()),
            Rejection::Overloaded | Rejection::Busy | Rejection::Apart => Error::Overloaded,
            Rejection::OutcomeUnknown => Error::OutcomeUnknown,
            Rejection::Internal(cause) => Error::Internal(format!("journal: {cause}")),
        }
    }
}

fn refused(refusal: Refusal, order: Order, caller: &Caller, now: DateTime<Utc>) -> Error {
    let standing = || Standing { allowed: order.allowed(caller.role), status: order.status, version: order.version };
    match refusal {
        Refusal::IllegalMove => {
            let allowed = order.allowed(caller.role);
            let detail = if allowed.is_empty() {
                format!("The order is {}; you can't move it now.", order.status)
            } else {
                let names: Vec<&str> = allowed.iter().map(|status| status.name()).collect();
                format!("The order is {}; you may move it to {}.", order.status, names.join(", "))
            };
            Error::IllegalMove { detail, standing: standing() }
        }
        Refusal::UndoNotAllowed(detail) => Error::UndoNotAllowed { detail, standing: standing() },
        Refusal::StatusChanged => Error::StatusChanged { order: json!(OrderView::for_caller(order, caller, now)) },
        Refusal::VersionMismatch => Error::VersionMismatch { order: json!(OrderView::for_caller(order, caller, now)) },
        Refusal::Closed => Error::OrderClosed(order.status),
        Refusal::AssigneeTaken(holder) => Error::AssigneeTaken(holder),
        Refusal::TooMuchMetadata => {
            Error::invalid("/metadata", "too_many", format!("must have at most {METADATA_KEYS_MAX} keys"))
        }
        Refusal::OccurredAtOutOfRange => Error::invalid(
            "/occurred_at",
            "invalid_value",
            "must lie between the order's creation and five minutes from now",
        ),
    }
}
