//! The order and everything that can happen to it. Each function takes the order, what is asked, who asks and the time;
//! it changes the order and gives back the event, or refuses and leaves the order as it was.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::account::{Caller, Person, Role};
use super::event::{Event, EventActor, EventType};
use super::ids::OrderId;
use super::status::{Party, Reason, Status, allowed_moves, may_move};

/// For how long whoever made the newest move may take it back.
pub const UNDO_WINDOW: Duration = Duration::minutes(15);
/// How many keys an order's metadata may have.
pub const METADATA_KEYS_MAX: usize = 20;
/// How far in the future an `occurred_at` may lie, for clocks that run fast.
pub const CLOCK_SLACK: Duration = Duration::minutes(5);

#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub id: OrderId,
    pub owner: Person,
    pub status: Status,
    /// Why it stands where it stands; on hold and cancelled orders only.
    pub reason: Option<Reason>,
    pub version: i32,
    /// Version of the newest public event.
    pub public_version: i32,
    pub details: Details,
    pub assignee: Option<Person>,
    pub estimated_at: Option<DateTime<Utc>>,
    pub last_move: Option<LastMove>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
}

/// What the owner says of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    pub title: String,
    pub description: Option<String>,
    pub reference: Option<String>,
    pub recipient_name: Option<String>,
    pub recipient_phone: Option<String>,
    pub pickup_address: Option<String>,
    pub delivery_address: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub public_tracking: bool,
    pub due_at: Option<DateTime<Utc>>,
}

impl Details {
    /// With nothing but a title, and open to whoever has the ID.
    pub fn new(title: impl Into<String>) -> Details {
        Details {
            title: title.into(),
            description: None,
            reference: None,
            recipient_name: None,
            recipient_phone: None,
            pickup_address: None,
            delivery_address: None,
            metadata: BTreeMap::new(),
            public_tracking: true,
            due_at: None,
        }
    }
}

/// The newest move, which may be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct LastMove {
    pub version: i32,
    pub by: Uuid,
    pub at: DateTime<Utc>,
    pub from: Status,
    pub from_reason: Option<Reason>,
}

/// What a caller asks to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRequest {
    pub step: Step,
    pub expected_status: Option<Status>,
    pub message: Option<String>,
    pub note: Option<String>,
    pub location: Option<String>,
    /// `Some(None)` withdraws the estimate.
    pub estimated_at: Option<Option<DateTime<Utc>>>,
    pub occurred_at: Option<DateTime<Utc>>,
}

impl EventRequest {
    /// A step and nothing said about it.
    pub fn new(step: Step) -> EventRequest {
        EventRequest {
            step,
            expected_status: None,
            message: None,
            note: None,
            location: None,
            estimated_at: None,
            occurred_at: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// The reason is there exactly when the status needs one.
    Move {
        to: Status,
        reason: Option<Reason>,
    },
    Undo,
    /// A note, message, location or estimate without a move.
    Note,
}

/// Why something can't be done to an order now. The order is as it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    IllegalMove,
    UndoNotAllowed(&'static str),
    /// It is not in the expected status any more.
    StatusChanged,
    /// Completed or cancelled.
    Closed,
    /// If-Match named another version.
    VersionMismatch,
    AssigneeTaken(Person),
    /// More than [`METADATA_KEYS_MAX`] keys, once old and new ones are merged.
    TooMuchMetadata,
    /// `occurred_at` before the creation, or too far in the future.
    OccurredAtOutOfRange,
}

impl Order {
    pub fn create(id: OrderId, details: Details, caller: &Caller, now: DateTime<Utc>) -> (Order, Event) {
        let mut order = Order {
            id,
            owner: caller.person(),
            status: Status::Created,
            reason: None,
            version: 0,
            public_version: 0,
            details,
            assignee: None,
            estimated_at: None,
            last_move: None,
            created_at: now,
            updated_at: now,
            completed_at: None,
        };
        let event = order.next_event(EventType::Created, true, caller, now);
        (order, event)
    }

    /// May this account see the order at all?
    pub fn is_visible_to(&self, id: Uuid, role: Role) -> bool {
        role != Role::User || self.owner.id == id
    }

    /// Where this caller may move it now, the likeliest first.
    pub fn allowed(&self, role: Role) -> Vec<Status> {
        allowed_moves(party(role), self.status, self.last_move.as_ref().map(|last| last.from))
    }

    /// The newest move, if this caller may take it back now, and until when (admins: always).
    pub fn undoable(&self, id: Uuid, role: Role, now: DateTime<Utc>) -> Option<(&LastMove, Option<DateTime<Utc>>)> {
        let last = self.last_move.as_ref()?;
        if role == Role::Admin {
            return Some((last, None));
        }
        let until = last.at + UNDO_WINDOW;
        (last.by == id && now <= until).then_some((last, Some(until)))
    }

    /// Records a move, an undo or a note.
    pub fn record(&mut self, request: EventRequest, caller: &Caller, now: DateTime<Utc>) -> Result<Event, Refusal> {
        let now = now.max(self.updated_at);
        // What is wrong in any state comes before what is wrong in this one.
        let occurred_at = request.occurred_at.unwrap_or(now);
        if occurred_at < self.created_at || occurred_at > now + CLOCK_SLACK {
            return Err(Refusal::OccurredAtOutOfRange);
        }
        if request.expected_status.is_some_and(|expected| expected != self.status) {
            return Err(Refusal::StatusChanged);
        }
        let (to, reason, undoes) = match request.step {
            Step::Note => (self.status, None, None),
            Step::Move { to, reason } if may_move(party(caller.role), self.status, to) => (to, reason, None),
            Step::Move { .. } => return Err(Refusal::IllegalMove),
            Step::Undo => {
                let last = self.undo_by(caller, now)?;
                (last.from, last.from_reason, Some(last.version))
            }
        };

        let moves = request.step != Step::Note;
        let public = moves || request.message.is_some() || request.location.is_some() || request.estimated_at.is_some();
        if moves {
            self.last_move = Some(LastMove {
                version: self.version + 1,
                by: caller.id,
                at: now,
                from: self.status,
                from_reason: self.reason,
            });
            self.status = to;
            self.reason = reason;
            self.completed_at = (to == Status::Completed).then_some(occurred_at);
        }
        if let Some(estimate) = request.estimated_at {
            self.estimated_at = estimate;
        }
        let kind = if moves { EventType::StatusChanged } else { EventType::Noted };
        let mut event = self.next_event(kind, public, caller, now);
        event.reason = reason;
        event.message = request.message;
        event.note = request.note;
        event.location = request.location;
        event.undoes = undoes;
        event.occurred_at = occurred_at;
        Ok(event)
    }

    /// Replaces the details, unless nothing would change. `expected_version` is what If-Match named.
    pub fn change_details(
        &mut self,
        change: impl FnOnce(&mut Details),
        expected_version: Option<i32>,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<Option<Event>, Refusal> {
        if expected_version.is_some_and(|expected| expected != self.version) {
            return Err(Refusal::VersionMismatch);
        }
        let mut details = self.details.clone();
        change(&mut details);
        let changed = self.details.differences(&details);
        if changed.is_empty() {
            return Ok(None);
        }
        if details.metadata.len() > METADATA_KEYS_MAX {
            return Err(Refusal::TooMuchMetadata);
        }
        if !self.status.is_open() {
            return Err(Refusal::Closed);
        }
        self.details = details;
        let mut event = self.next_event(EventType::DetailsChanged, false, caller, now);
        event.changed = changed;
        Ok(Some(event))
    }

    /// Gives the order to a mover, or to nobody.
    pub fn assign(
        &mut self,
        to: Option<Person>,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<Option<Event>, Refusal> {
        let held_by = self.assignee.as_ref().map(|holder| holder.id);
        if held_by == to.as_ref().map(|mover| mover.id) {
            return Ok(None);
        }
        if let Some(holder) = &self.assignee
            && holder.id != caller.id
            && caller.role != Role::Admin
        {
            return Err(Refusal::AssigneeTaken(holder.clone()));
        }
        if !self.status.is_open() {
            return Err(Refusal::Closed);
        }
        self.assignee = to;
        Ok(Some(self.next_event(EventType::AssigneeChanged, false, caller, now)))
    }

    fn undo_by(&self, caller: &Caller, now: DateTime<Utc>) -> Result<&LastMove, Refusal> {
        match (self.undoable(caller.id, caller.role, now), &self.last_move) {
            (Some((last, _)), _) => Ok(last),
            (None, None) => Err(Refusal::UndoNotAllowed("The order has not been moved yet.")),
            (None, Some(last)) if last.by != caller.id => Err(Refusal::UndoNotAllowed(
                "Somebody else made the newest move; only they or an admin may take it back.",
            )),
            (None, Some(_)) => Err(Refusal::UndoNotAllowed(
                "The newest move is more than 15 minutes old; an admin may still take it back.",
            )),
        }
    }

    /// Counts the version up and makes the event that tells of the order as it is now.
    fn next_event(&mut self, kind: EventType, public: bool, caller: &Caller, now: DateTime<Utc>) -> Event {
        // Postgres' clock may step back; an order's history never does.
        let recorded_at = now.max(self.updated_at);
        let previous_public_version = (self.public_version > 0).then_some(self.public_version);
        self.version += 1;
        self.updated_at = recorded_at;
        if public {
            self.public_version = self.version;
        }
        Event {
            order_id: self.id,
            version: self.version,
            previous_public_version,
            public,
            kind,
            status: self.status,
            reason: None,
            message: None,
            note: None,
            location: None,
            estimated_at: self.estimated_at,
            assignee: self.assignee.clone(),
            changed: Vec::new(),
            undoes: None,
            actor: EventActor { id: caller.id, role: caller.role, name: caller.name.clone() },
            occurred_at: recorded_at,
            recorded_at,
        }
    }
}

impl Details {
    /// Names of the fields that differ, as the API calls them.
    fn differences(&self, other: &Details) -> Vec<String> {
        [
            ("title", self.title != other.title),
            ("description", self.description != other.description),
            ("reference", self.reference != other.reference),
            ("recipient", self.recipient_name != other.recipient_name || self.recipient_phone != other.recipient_phone),
            ("pickup_address", self.pickup_address != other.pickup_address),
            ("delivery_address", self.delivery_address != other.delivery_address),
            ("metadata", self.metadata != other.metadata),
            ("public_tracking", self.public_tracking != other.public_tracking),
            ("due_at", self.due_at != other.due_at),
        ]
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| name.to_owned())
        .collect()
    }
}

fn party(role: Role) -> Party {
    match role {
        Role::User => Party::Owner,
        Role::Mover | Role::Admin => Party::Mover,
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
