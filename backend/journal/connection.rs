//! A writer's connection to Postgres: runs entries in one transaction, announces what has committed, and says what a
//! refusal means.

use std::time::Duration;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use secrecy::SecretString;
use uuid::Uuid;

use super::batch::{Batch, Lock, UnlockedFailure, Written, without_orders_that_are_not};
use super::{Asked, Entry, Group, Once, Outcome, Recorded, Rejection, Terms, once};
use crate::domain::ids::OrderId;
use crate::live::Announcement;
use crate::storage::{journal as table, orders};

/// How often an entry alone is tried when Postgres found a deadlock, or who had its reference is gone.
const TRIES: usize = 3;

pub struct JournalConnection<A> {
    database_url: SecretString,
    announce: A,
    lock_timeout: Duration,
    /// None before it is needed, and after it went.
    open: Option<PgConnection>,
}

/// How a transaction ended that did not commit.
pub enum Failure {
    /// Nothing was written, and the connection is gone.
    Disconnected,
    /// The connection went while committing, or while a statement ran that commits by itself: nobody knows.
    Unknown,
    /// Postgres refused it; nothing was written.
    Refused(DieselError),
}

impl<A: Fn(Vec<Announcement>)> JournalConnection<A> {
    pub fn new(database_url: SecretString, announce: A) -> JournalConnection<A> {
        JournalConnection { database_url, announce, lock_timeout: table::LOCK_TIMEOUT, open: None }
    }

    pub fn set_lock_timeout(&mut self, limit: Duration) {
        self.lock_timeout = limit;
        // A connection that can't do this is gone; the next one comes with it.
        if let Some(open) = &mut self.open
            && let Err(error) = table::set_lock_timeout(open, limit)
        {
            tracing::debug!(%error, "the journal's connection is gone");
            self.open = None;
        }
    }

    /// One entry, in as many transactions as it is worth.
    pub fn write_alone(&mut self, one: Asked) -> Outcome {
        for _ in 0..TRIES {
            match self.transact(&[one], Lock::Wait) {
                Ok(mut outcomes) => return outcomes.pop().unwrap_or(Err(Rejection::OutcomeUnknown)),
                Err(Failure::Disconnected) => return Err(Rejection::DatabaseUnavailable),
                Err(Failure::Unknown) => return Err(Rejection::OutcomeUnknown),
                Err(Failure::Refused(error)) => match self.explain(&error, one) {
                    Some(rejection) => return Err(rejection),
                    None => continue,
                },
            }
        }
        Err(Rejection::Overloaded)
    }

    /// What a refusal means for the one entry that ran; none if it is worth another try.
    fn explain(&mut self, error: &DieselError, Asked { caller_id, entry, .. }: Asked) -> Option<Rejection> {
        let DieselError::DatabaseError(kind, information) = error else {
            return Some(Rejection::Internal(error.to_string()));
        };
        match (kind, information.constraint_name()) {
            (DatabaseErrorKind::UniqueViolation, Some("orders_reference_key")) => {
                let connection = self.open.as_mut()?;
                let taken = reference_after(connection, caller_id, entry).ok().flatten();
                taken.map(|holder| Rejection::ReferenceTaken(Some(holder)))
            }
            _ if is_timeout(error) => Some(entry.put_off()),
            _ if is_of_the_moment(error) => None,
            _ => Some(Rejection::Internal(format!("{error:?}"))),
        }
    }

    /// Writes entries in one transaction and announces what it wrote.
    pub fn transact(&mut self, asked: &[Asked], lock: Lock) -> Result<Vec<Outcome>, Failure> {
        self.attempt(|connection| attempt(connection, asked, lock))
    }

    /// Writes a group in a transaction of its own, on its terms. In place of outcomes, why nothing was done about any entry.
    pub fn transact_whole(&mut self, group: &Group) -> Result<Result<Vec<Outcome>, Rejection>, Failure> {
        let mut settled = None;
        let outcomes = self.attempt(|connection| {
            attempt_whole(connection, group).map(|answer| {
                answer.unwrap_or_else(|rejection| {
                    settled = Some(rejection);
                    Written { outcomes: Vec::new(), is_wanted: false, announcements: Vec::new() }
                })
            })
        })?;
        Ok(settled.map_or(Ok(outcomes), Err))
    }

    fn attempt(
        &mut self,
        mut attempt: impl FnMut(&mut PgConnection) -> Result<Written, Failure>,
    ) -> Result<Vec<Outcome>, Failure> {
        // A connection that died while nothing was to do shows it at the first statement; then a fresh one is tried.
        let mut fresh = self.open.is_none();
        loop {
            let connection = self.connected()?;
            match attempt(connection) {
                Ok(Written { outcomes, announcements, .. }) => {
                    if !announcements.is_empty() {
                        (self.announce)(announcements);
                    }
                    return Ok(outcomes);
                }
                Err(Failure::Refused(error)) => return Err(Failure::Refused(error)),
                Err(failure) => {
                    self.open = None;
                    if fresh || matches!(failure, Failure::Unknown) {
                        return Err(failure);
                    }
                    fresh = true;
                }
            }
        }
    }

    fn connected(&mut self) -> Result<&mut PgConnection, Failure> {
        if self.open.is_none() {
            let connected = table::connect(&self.database_url, self.lock_timeout);
            self.open = connected.inspect_err(|error| tracing::warn!(%error, "the journal can't connect")).ok();
        }
        self.open.as_mut().ok_or(Failure::Disconnected)
    }
}

/// Somebody else was in the way, who is not any more when it is tried again: a deadlock, a lock or statement that took too
/// long, a reference that was taken after it had been looked for, a webhook that was deleted meanwhile.
pub fn is_of_the_moment(error: &DieselError) -> bool {
    use DatabaseErrorKind::{ForeignKeyViolation, SerializationFailure, UniqueViolation, Unknown};
    match error {
        DieselError::DatabaseError(ForeignKeyViolation | SerializationFailure | UniqueViolation, _) => true,
        // Deadlocks have no kind of their own in diesel.
        DieselError::DatabaseError(Unknown, information) if information.message().contains("deadlock") => true,
        _ => is_timeout(error),
    }
}

/// A lock or a statement took longer than Postgres was told to allow. Diesel has no kind of its own for these.
pub fn is_timeout(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::Unknown, information)
        if information.message().ends_with("timeout"))
}

pub fn is_about_a_lock(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, information) if information.message().ends_with("lock timeout"))
}

/// One transaction, or for one event alone two statements, of which the second writes and commits by itself.
/// [`Failure::Unknown`]: nobody knows whether it has committed; whatever else fails has written nothing.
fn attempt(connection: &mut PgConnection, asked: &[Asked], lock: Lock) -> Result<Written, Failure> {
    // Who waits for one order only need not lock it beforehand.
    if lock == Lock::Wait
        && let Some(written) =
            Batch::new(asked, lock).write_unlocked(connection).map_err(|error| error.into_failure(connection))?
    {
        return Ok(written);
    }
    let mut committing = false;
    let result = connection.transaction(|connection| {
        let written = Batch::new(asked, lock).write(connection)?;
        committing = true;
        Ok(written)
    });
    result.map_err(|error: DieselError| failure(error, committing))
}

/// Why the transaction of a group did not commit.
enum Stop {
    /// It was not to: a dry run, or not all of it went well.
    Meant(Vec<Outcome>),
    Because(DieselError),
}

impl From<DieselError> for Stop {
    fn from(error: DieselError) -> Stop {
        Stop::Because(error)
    }
}

fn attempt_whole(connection: &mut PgConnection, group: &Group) -> Result<Result<Written, Rejection>, Failure> {
    let Terms { once, atomic, dry_run, batch: _ } = &group.terms;
    let asked: Vec<Asked> = (0..group.entries.len()).map(|index| group.asked(index)).collect();
    let mut committing = false;
    let result = connection.transaction(|connection| {
        let wanted: Vec<(Uuid, &Once)> = once.iter().filter(|_| !dry_run).map(|once| (group.caller_id, once)).collect();
        if let Some(Some(rejection)) = once::claim(connection, &wanted)?.pop() {
            return Ok(Err(rejection));
        }
        let is_wanted = |outcome: &Outcome| match outcome {
            Ok(_) => !dry_run,
            // Not refused: it has to be tried again.
            Err(Rejection::Busy) => false,
            Err(_) => !(*atomic || *dry_run),
        };
        let written = if asked.is_empty() {
            Written { outcomes: Vec::new(), is_wanted: true, announcements: Vec::new() }
        } else {
            Batch::new(&asked, Lock::Whole).write_if(connection, is_wanted)?
        };
        if !written.is_wanted {
            return Err(Stop::Meant(written.outcomes));
        }
        once::keep(connection, wanted.into_iter().map(|(account, once)| (account, once, &written.outcomes[..])))?;
        committing = true;
        Ok(Ok(written))
    });
    result.or_else(|stop| match stop {
        Stop::Meant(outcomes) => {
            let outcomes = without_orders_that_are_not(outcomes);
            Ok(Ok(Written { outcomes, is_wanted: false, announcements: Vec::new() }))
        }
        Stop::Because(error) => Err(failure(error, committing)),
    })
}

fn failure(error: DieselError, committing: bool) -> Failure {
    // A rollback that fails as well means that the connection went in between.
    if is_disconnected(&error) || matches!(error, DieselError::RollbackErrorOnCommit { .. }) {
        return if committing { Failure::Unknown } else { Failure::Disconnected };
    }
    Failure::Refused(error)
}

impl UnlockedFailure {
    fn into_failure(self, connection: &mut PgConnection) -> Failure {
        match self {
            UnlockedFailure::Reading(error) if is_disconnected(&error) => Failure::Disconnected,
            // Postgres may have committed and then been told to end the session: only one that goes on has refused.
            UnlockedFailure::Writing(error) if is_disconnected(&error) || !table::still_answers(connection) => {
                Failure::Unknown
            }
            UnlockedFailure::Reading(error) | UnlockedFailure::Writing(error) => Failure::Refused(error),
        }
    }
}

fn is_disconnected(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
            | DieselError::BrokenTransactionManager
    )
}

/// Which order of the same owner holds the reference that this entry wanted.
fn reference_after(
    connection: &mut PgConnection,
    caller_id: Uuid,
    entry: &Entry,
) -> crate::error::Result<Option<OrderId>> {
    let (owner, reference) = match entry {
        Entry::Create { details } => (caller_id, details.reference.clone()),
        Entry::Record { order_id, .. } | Entry::Assign { order_id, .. } => match orders::find(connection, *order_id)? {
            Some(order) => (order.owner.id, order.details.reference),
            None => return Ok(None),
        },
        Entry::Change { order_id, change, .. } => match orders::find(connection, *order_id)? {
            Some(mut order) => {
                change(&mut order.details);
                (order.owner.id, order.details.reference)
            }
            None => return Ok(None),
        },
    };
    let wanted = reference.iter().map(|reference| (owner, reference.as_str()));
    Ok(table::references_used(connection, wanted)?.into_values().next())
}

/// So that announcements are made from what was recorded, in one place.
pub fn announcement(recorded: &Recorded) -> Option<Announcement> {
    recorded.event.as_ref().map(|event| Announcement {
        event: event.clone(),
        owner_id: recorded.order.owner.id,
        public_tracking: recorded.order.details.public_tracking,
    })
}
