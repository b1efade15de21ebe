//! Statuses, reasons and who may do what: the state machine's table.

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have one stable name each, in JSON, in the database and in the contract.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $type { $(#[serde(rename = $name)] $variant),+ }

        impl $type {
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }

            pub fn parse(name: &str) -> Option<$type> {
                match name { $($name => Some($type::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::domain::status::UnknownName;
            fn try_from(name: String) -> Result<Self, Self::Error> {
                $type::parse(&name).ok_or($crate::domain::status::UnknownName { kind: stringify!($type), name })
            }
        }
    };
}
pub(crate) use named;

/// A name that the database or an announcement holds and this version of the program does not know.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} is no {kind}")]
pub struct UnknownName {
    pub kind: &'static str,
    pub name: String,
}

named! {
    Status {
        Created = "created",
        Started = "started",
        InProgress = "in_progress",
        OnHold = "on_hold",
        Completed = "completed",
        Cancelled = "cancelled",
    }
}

impl Status {
    /// Completed and cancelled orders are closed; only undo leads out again.
    pub fn is_open(self) -> bool {
        !matches!(self, Status::Completed | Status::Cancelled)
    }

    /// Moves to these tell why; others don't.
    pub fn needs_reason(self) -> bool {
        matches!(self, Status::OnHold | Status::Cancelled)
    }
}

named! {
    Reason {
        RecipientAbsent = "recipient_absent",
        Refused = "refused",
        AddressProblem = "address_problem",
        Damaged = "damaged",
        Lost = "lost",
        Delayed = "delayed",
        AwaitingPayment = "awaiting_payment",
        ByRequest = "by_request",
        Other = "other",
    }
}

/// On whose behalf somebody acts on an order. Admins act as movers; what they may do beyond that is about undo and
/// assignment, and stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    Owner,
    Mover,
}

/// THE state machine: may this party move an order from `from` to `to`?
#[expect(clippy::match_like_matches_macro, reason = "a legal step a line, and one arm that refuses")]
pub fn may_move(party: Party, from: Status, to: Status) -> bool {
    use Party::{Mover, Owner};
    use Status::*;
    match (from, to, party) {
        (Created, Started, Mover) => true,
        (Created, OnHold, Mover) => true,
        (Created, Cancelled, Owner | Mover) => true,
        (Started, InProgress, Mover) => true,
        (Started, OnHold, Mover) => true,
        (Started, Cancelled, Owner | Mover) => true,
        (InProgress, OnHold, Mover) => true,
        (InProgress, Completed, Mover) => true,
        (InProgress, Cancelled, Mover) => true,
        (OnHold, Started, Mover) => true,
        (OnHold, InProgress, Mover) => true,
        (OnHold, Cancelled, Owner | Mover) => true,
        _ => false,
    }
}

/// Where a party may move an order now, the likeliest first: back to where it was before the hold, then forward, then
/// hold, then cancel.
pub fn allowed_moves(party: Party, from: Status, before: Option<Status>) -> Vec<Status> {
    use Status::*;
    let mut allowed: Vec<Status> = [Started, InProgress, Completed, OnHold, Cancelled]
        .into_iter()
        .filter(|&to| may_move(party, from, to))
        .collect();
    allowed.sort_by_key(|&to| from != OnHold || Some(to) != before);
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::*;

    /// The table of the design, row by row: (from, what a mover may do, what the owner may do).
    const TABLE: [(Status, &[Status], &[Status]); 6] = [
        (Created, &[Started, OnHold, Cancelled], &[Cancelled]),
        (Started, &[InProgress, OnHold, Cancelled], &[Cancelled]),
        (InProgress, &[OnHold, Completed, Cancelled], &[]),
        (OnHold, &[Started, InProgress, Cancelled], &[Cancelled]),
        (Completed, &[], &[]),
        (Cancelled, &[], &[]),
    ];

    #[test]
    fn every_status_times_every_target_times_every_party() {
        assert_eq!(TABLE.len(), Status::ALL.len());
        for (from, mover, owner) in TABLE {
            for &to in Status::ALL {
                assert_eq!(may_move(Party::Mover, from, to), mover.contains(&to), "mover: {from} to {to}");
                assert_eq!(may_move(Party::Owner, from, to), owner.contains(&to), "owner: {from} to {to}");
            }
        }
    }

    #[test]
    fn allowed_moves_are_the_table_with_the_likeliest_first() {
        for (from, mover, owner) in TABLE {
            for (party, expected) in [(Party::Mover, mover), (Party::Owner, owner)] {
                let allowed = allowed_moves(party, from, None);
                assert_eq!(allowed.len(), expected.len());
                assert!(expected.iter().all(|to| allowed.contains(to)));
            }
        }
        assert_eq!(allowed_moves(Party::Mover, InProgress, Some(Started)), [Completed, OnHold, Cancelled]);
        assert_eq!(allowed_moves(Party::Mover, OnHold, Some(InProgress)), [InProgress, Started, Cancelled]);
        assert_eq!(allowed_moves(Party::Mover, OnHold, Some(Created)), [Started, InProgress, Cancelled]);
    }
}
