//! One writer: gathers what waits, writes it in one transaction, answers after the commit. When the database refuses
//! the transaction, its halves run alone, down to the entries that it can't write: none harms its neighbours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use secrecy::SecretString;
use uuid::Uuid;

use super::batch::{Batch, Lock, UnlockedFailure, Written};
use super::{Entry, Group, Outcome, Recorded, Rejection};
use crate::domain::ids::OrderId;
use crate::live::Announcement;
use crate::storage::db::TIME_LIMIT;
use crate::storage::{journal as table, orders};

/// No more than this many new entries in one transaction: a larger one gains nothing and makes its first entry wait.
const MOST: usize = 512;

/// What somebody else's lock keeps from being written is put off for this long, again and again, until it has to be
/// answered: so long before those who wait give up.
const PUT_OFF_FOR: Duration = Duration::from_millis(10);
const BUSY_ANSWER_BEFORE: Duration = Duration::from_millis(400);

/// Meanwhile others wait: in one turn, one lock is waited for no longer than [`table::LOCK_TIMEOUT_IN_HASTE`], and all of
/// them together no longer than this.
const HASTE: Duration = Duration::from_millis(100);

/// How often an entry alone is tried when its ID was taken or Postgres found a deadlock.
const TRIES: usize = 3;

pub struct Writer<A> {
    queue: crossbeam_channel::Receiver<Group>,
    database_url: SecretString,
    announce: A,
    connection: Option<PgConnection>,
    /// Taken, but not written yet: somebody else has locked something.
    put_off: Vec<Group>,
    /// Of what was put off, this comes first: it had no turn the last time.
    next_turn: Option<Obstacle>,
    /// While set, others wait: locks time out early, and after this instant nothing is tried any more.
    haste_until: Option<Instant>,
}

/// What somebody else can lock so that an entry can't be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Obstacle {
    Order(OrderId),
    /// An owner's reference, which belongs to nobody until another transaction ends.
    Reference(Uuid, Option<String>),
}

/// How a transaction ended that did not commit.
enum Failure {
    /// Nothing was written, and the connection is gone.
    Disconnected,
    /// The connection went while committing, or while a statement ran that commits by itself: nobody knows.
    Unknown,
    /// Postgres refused it; nothing was written.
    Refused(DieselError),
}

impl<A: Fn(Vec<Announcement>)> Writer<A> {
    pub fn new(queue: crossbeam_channel::Receiver<Group>, database_url: SecretString, announce: A) -> Writer<A> {
        Writer {
            queue,
            database_url,
            announce,
            connection: None,
            put_off: Vec::new(),
            next_turn: None,
            haste_until: None,
        }
    }

    /// Runs until the journal is closed and everything that waited is answered.
    pub fn run(mut self) {
        while let Some(groups) = self.gather() {
            if !groups.is_empty() {
                self.write(groups);
            }
        }
    }

    /// What was put off, and what has come since. None once the journal is closed and nothing is left.
    fn gather(&mut self) -> Option<Vec<Group>> {
        let mut groups = std::mem::take(&mut self.put_off);
        let first = if groups.is_empty() { self.queue.recv().ok() } else { self.queue.recv_timeout(PUT_OFF_FOR).ok() };
        if first.is_none() && groups.is_empty() {
            return None;
        }
        let mut entries = 0;
        for group in first.into_iter().chain(self.queue.try_iter()) {
            entries += group.entries.len();
            if group.claim.take() {
                groups.push(group);
            }
            if entries >= MOST {
                break;
            }
        }
        Some(groups)
    }

    /// Writes all that it can in one transaction, and answers that. What somebody else's lock keeps from being written
    /// comes after, apart from each other: those who wait for one lock don't wait for another.
    fn write(&mut self, mut groups: Vec<Group>) {
        let apart: BTreeSet<Obstacle> = open_places(&groups)
            .filter(|&(group, index)| matches!(groups[group].outcomes[index], Some(Err(Rejection::Apart))))
            .map(|(group, index)| groups[group].obstacle(index))
            .collect();
        let mut places: Vec<(usize, usize)> = open_places(&groups).collect();
        if !apart.is_empty() {
            places.retain(|&(group, index)| !apart.contains(&groups[group].obstacle(index)));
        }
        let waited_for = the_only_one(&groups, &places);
        self.write_places(&mut groups, &places, if waited_for.is_some() { Lock::Wait } else { Lock::Skip });
        let mut groups = answer_those_decided(groups);

        let mut busy: BTreeMap<Obstacle, Vec<(usize, usize)>> = BTreeMap::new();
        for (group, index) in open_places(&groups) {
            busy.entry(groups[group].obstacle(index)).or_default().push((group, index));
        }
        // What was waited for just now has had its turn.
        busy.retain(|obstacle, _| Some(obstacle) != waited_for.as_ref());
        if !busy.is_empty() {
            self.in_haste(|writer| writer.write_in_turn(&mut groups, busy));
        }
        for group in &mut groups {
            if group.asked_at.elapsed() + BUSY_ANSWER_BEFORE >= TIME_LIMIT {
                group.outcomes.iter_mut().filter(|outcome| is_open(outcome)).for_each(|outcome| {
                    *outcome = Some(Err(Rejection::Busy));
                });
            }
        }
        self.put_off = answer_those_decided(groups);
    }

    /// One obstacle after the other; those for which no time is left come first with the next turn.
    fn write_in_turn(&mut self, groups: &mut [Group], mut busy: BTreeMap<Obstacle, Vec<(usize, usize)>>) {
        let first = self.next_turn.take().map(|first| busy.split_off(&first)).unwrap_or_default();
        for (obstacle, places) in first.into_iter().chain(busy) {
            if self.has_no_time() {
                self.next_turn = Some(obstacle);
                return;
            }
            self.write_places(groups, &places, Lock::Wait);
        }
    }

    /// Runs something for which others wait.
    fn in_haste<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.haste_until = Some(Instant::now() + HASTE);
        self.set_lock_timeout(table::LOCK_TIMEOUT_IN_HASTE);
        let result = run(self);
        self.haste_until = None;
        self.set_lock_timeout(table::LOCK_TIMEOUT);
        result
    }

    fn has_no_time(&self) -> bool {
        self.haste_until.is_some_and(|until| Instant::now() > until)
    }

    fn set_lock_timeout(&mut self, limit: Duration) {
        // A connection that can't do this is gone, and shows it with its next transaction.
        if let Some(connection) = &mut self.connection
            && let Err(error) = table::set_lock_timeout(connection, limit)
        {
            tracing::debug!(%error, "the journal's connection is gone");
            self.connection = None;
        }
    }

    /// Writes the entries at these places and notes what came of them. Those whose orders are locked stay open, and so do
    /// those that have to be written apart from others.
    fn write_places(&mut self, groups: &mut [Group], places: &[(usize, usize)], lock: Lock) {
        let asked: Vec<(Uuid, &Entry)> =
            places.iter().map(|&(group, index)| (groups[group].caller_id, &groups[group].entries[index])).collect();
        let mut outcomes = self.write_or_split(&asked, lock).into_iter();
        for &(group, index) in places {
            let before = groups[group].outcomes[index].take();
            groups[group].outcomes[index] = match outcomes.next() {
                Some(Err(Rejection::Busy)) => before,
                outcome => Some(outcome.unwrap_or(Err(Rejection::OutcomeUnknown))),
            };
        }
    }

    fn write_or_split(&mut self, asked: &[(Uuid, &Entry)], lock: Lock) -> Vec<Outcome> {
        if asked.is_empty() {
            return Vec::new();
        }
        if self.has_no_time() {
            return vec![Err(Rejection::Apart); asked.len()];
        }
        match self.transact(asked, lock) {
            Ok(outcomes) => outcomes,
            Err(Failure::Disconnected) => vec![Err(Rejection::DatabaseUnavailable); asked.len()],
            Err(Failure::Unknown) => vec![Err(Rejection::OutcomeUnknown); asked.len()],
            Err(Failure::Refused(error)) if is_timeout(&error) => match lock {
                // Locked orders were left out: somebody holds a reference.
                Lock::Skip if is_about_a_lock(&error) && asked.len() == 1 => vec![Err(Rejection::Apart)],
                Lock::Skip if is_about_a_lock(&error) && self.haste_until.is_none() => {
                    self.in_haste(|writer| writer.write_halves(asked, lock))
                }
                Lock::Skip if is_about_a_lock(&error) => self.write_halves(asked, lock),
                // One after the other would wait for the same again and again.
                Lock::Wait | Lock::Skip => asked.iter().map(|(_, entry)| Err(entry.put_off())).collect(),
            },
            Err(Failure::Refused(_)) if asked.len() == 1 => vec![self.write_alone(asked[0])],
            Err(Failure::Refused(error)) => {
                tracing::debug!(%error, entries = asked.len(), "transaction refused, its halves run alone");
                self.write_halves(asked, lock)
            }
        }
    }

    /// Halves, and halves of those: to find one culprit among many takes few transactions.
    fn write_halves(&mut self, asked: &[(Uuid, &Entry)], lock: Lock) -> Vec<Outcome> {
        let (first, second) = asked.split_at(asked.len() / 2);
        let mut outcomes = self.write_or_split(first, lock);
        // An order that was busy stays so: its entries keep their order.
        let is_busy = |(outcome, (_, entry)): (&Outcome, &(Uuid, &Entry))| {
            matches!(outcome, Err(Rejection::Busy | Rejection::Apart)).then(|| entry.order_id()).flatten()
        };
        let busy: BTreeSet<OrderId> = outcomes.iter().zip(first).filter_map(is_busy).collect();
        let waits = |entry: &Entry| entry.order_id().is_some_and(|id| busy.contains(&id));
        let free: Vec<_> = second.iter().copied().filter(|(_, entry)| !waits(entry)).collect();
        let mut written = self.write_or_split(&free, lock).into_iter();
        outcomes.extend(second.iter().map(|(_, entry)| match waits(entry) {
            true => Err(Rejection::Busy),
            false => written.next().unwrap_or(Err(Rejection::OutcomeUnknown)),
        }));
        outcomes
    }

    fn write_alone(&mut self, one: (Uuid, &Entry)) -> Outcome {
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
    fn explain(&mut self, error: &DieselError, (caller_id, entry): (Uuid, &Entry)) -> Option<Rejection> {
        let DieselError::DatabaseError(kind, information) = error else {
            return Some(Rejection::Internal(error.to_string()));
        };
        match (kind, information.constraint_name()) {
            (DatabaseErrorKind::UniqueViolation, Some("orders_reference_key")) => {
                let connection = self.connection.as_mut()?;
                let taken = reference_after(connection, caller_id, entry).ok().flatten();
                taken.map(Rejection::ReferenceTaken)
            }
            (DatabaseErrorKind::SerializationFailure, _) => None,
            // Deadlocks have no kind of their own in diesel.
            (DatabaseErrorKind::Unknown, _) if information.message().contains("deadlock") => None,
            _ if is_timeout(error) => Some(Rejection::Busy),
            _ => Some(Rejection::Internal(format!("{error:?}"))),
        }
    }

    /// Writes entries in one transaction and announces what it wrote.
    fn transact(&mut self, asked: &[(Uuid, &Entry)], lock: Lock) -> Result<Vec<Outcome>, Failure> {
        // A connection that died while nothing was to do shows it at the first statement; then a fresh one is tried.
        let mut fresh = self.connection.is_none();
        loop {
            let connection = self.connected()?;
            match attempt(connection, asked, lock) {
                Ok(Written { outcomes, announcements }) => {
                    if !announcements.is_empty() {
                        (self.announce)(announcements);
                    }
                    return Ok(outcomes);
                }
                Err(Failure::Refused(error)) => return Err(Failure::Refused(error)),
                Err(failure) => {
                    self.connection = None;
                    if fresh || matches!(failure, Failure::Unknown) {
                        return Err(failure);
                    }
                    fresh = true;
                }
            }
        }
    }

    fn connected(&mut self) -> Result<&mut PgConnection, Failure> {
        if self.connection.is_none() {
            let connected = table::connect(&self.database_url);
            self.connection = connected.inspect_err(|error| tracing::warn!(%error, "the journal can't connect")).ok();
        }
        self.connection.as_mut().ok_or(Failure::Disconnected)
    }
}

impl Entry {
    /// A new order has nothing that somebody could have locked but its reference.
    fn put_off(&self) -> Rejection {
        if self.order_id().is_some() { Rejection::Busy } else { Rejection::Apart }
    }
}

impl Group {
    fn obstacle(&self, index: usize) -> Obstacle {
        match &self.entries[index] {
            Entry::Create { details } => Obstacle::Reference(self.caller_id, details.reference.clone()),
            Entry::Record { order_id, .. } | Entry::Change { order_id, .. } | Entry::Assign { order_id, .. } => {
                Obstacle::Order(*order_id)
            }
        }
    }
}

/// Where entries are that have not been decided: the group's index, and the entry's in it.
fn open_places(groups: &[Group]) -> impl Iterator<Item = (usize, usize)> + '_ {
    groups.iter().enumerate().flat_map(|(at, group)| {
        (0..group.entries.len()).filter(|&index| is_open(&group.outcomes[index])).map(move |index| (at, index))
    })
}

fn is_open(outcome: &Option<Outcome>) -> bool {
    matches!(outcome, None | Some(Err(Rejection::Apart)))
}

/// What may be waited for, since nobody else would wait with it: the obstacle of one entry, or of one order's.
fn the_only_one(groups: &[Group], places: &[(usize, usize)]) -> Option<Obstacle> {
    let (&(group, index), others) = places.split_first()?;
    let order = groups[group].entries[index].order_id();
    let is_only =
        others.iter().all(|&(group, index)| order.is_some() && groups[group].entries[index].order_id() == order);
    is_only.then(|| groups[group].obstacle(index))
}

/// Answers the groups of which every entry is decided, and gives back the others.
fn answer_those_decided(groups: Vec<Group>) -> Vec<Group> {
    let (decided, open): (Vec<Group>, Vec<Group>) =
        groups.into_iter().partition(|group| !group.outcomes.iter().any(is_open));
    for Group { outcomes, answer, .. } in decided {
        // Who asked may have gone; what was written stays written.
        let _ = answer.send(outcomes.into_iter().flatten().collect());
    }
    open
}

/// A lock or a statement took longer than Postgres was told to allow. Diesel has no kind of its own for these.
fn is_timeout(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::Unknown, information)
        if information.message().ends_with("timeout"))
}

fn is_about_a_lock(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(_, information) if information.message().ends_with("lock timeout"))
}

/// One transaction, or for one event alone two statements, of which the second writes and commits by itself.
/// [`Failure::Unknown`]: nobody knows whether it has committed; whatever else fails has written nothing.
fn attempt(connection: &mut PgConnection, asked: &[(Uuid, &Entry)], lock: Lock) -> Result<Written, Failure> {
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
    result.map_err(|error: DieselError| match error {
        error if is_disconnected(&error) => {
            if committing {
                Failure::Unknown
            } else {
                Failure::Disconnected
            }
        }
        // A rollback that fails as well means that the connection went in between.
        DieselError::RollbackErrorOnCommit { .. } => {
            if committing {
                Failure::Unknown
            } else {
                Failure::Disconnected
            }
        }
        other => Failure::Refused(other),
    })
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::order::Details;
    use crate::journal::Place;

    fn group(entries: usize) -> Group {
        let place = Place { count: entries, waiting: Arc::default() };
        let (answer, _) = tokio::sync::oneshot::channel();
        Group {
            caller_id: Uuid::nil(),
            entries: (0..entries).map(|_| Entry::Create { details: Details::new("Sofa") }).collect(),
            outcomes: vec![None; entries],
            asked_at: Instant::now(),
            claim: Arc::default(),
            answer,
            place,
        }
    }

    #[test]
    fn what_was_put_off_takes_nobody_s_place() {
        let (sender, queue) = crossbeam_channel::unbounded();
        let mut writer = Writer::new(queue, SecretString::from("postgres://nowhere"), |_| ());
        writer.put_off = (0..10).map(|_| group(200)).collect();
        (0..=MOST).for_each(|_| sender.send(group(1)).unwrap());
        let taken: usize = writer.gather().unwrap().iter().map(|group| group.entries.len()).sum();
        assert_eq!(taken, 10 * 200 + MOST);
        assert_eq!(writer.gather().unwrap().len(), 1, "and the one that was too many");
    }
}
