//! One writer: gathers what waits, writes it in one transaction, answers after the commit. When the database refuses
//! the transaction, its halves run alone, down to the entries that it can't write: none harms its neighbours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use uuid::Uuid;

use super::batch::Lock;
use super::connection::{Failure, JournalConnection, is_about_a_lock, is_of_the_moment, is_timeout};
use super::{Asked, Entry, Group, Outcome, Rejection};
use crate::domain::ids::OrderId;
use crate::domain::order::Step;
use crate::live::Announcement;
use crate::storage::db::TIME_LIMIT;
use crate::storage::journal as table;

/// No more than this many new entries in one transaction: a larger one gains nothing and makes its first entry wait. What
/// was put off comes with them, up to so many in all.
const MOST: usize = 512;
const MOST_IN_ALL: usize = 4 * MOST;
/// But there is always room for so many new ones.
const ROOM_MIN: usize = MOST / 4;

/// What somebody else's lock keeps from being written is put off for this long, or until something else comes, again and
/// again, until it has to be answered: so long before those who wait give up. One turn usually takes no longer than the
/// time-out of a lock and twice [`HASTE`], and what a last transaction takes beyond that.
const PUT_OFF_FOR: Duration = Duration::from_millis(10);
const BUSY_ANSWER_BEFORE: Duration = Duration::from_millis(500);

/// Once somebody waits for a lock, others wait with him: a lock is then waited for no longer than
/// [`table::LOCK_TIMEOUT_IN_HASTE`], and for all locks together no longer than this.
const HASTE: Duration = Duration::from_millis(100);

pub struct Writer<A> {
    queue: crossbeam_channel::Receiver<Group>,
    connection: JournalConnection<A>,
    /// Taken, but not written yet: somebody else has locked something.
    put_off: Vec<Group>,
    /// Of what goes apart, this comes first: it had no turn the last time.
    next_turn: Option<Obstacle>,
    /// While set, others wait: locks time out early, and after this instant nothing is tried any more.
    haste_until: Option<Instant>,
}

/// What somebody else can lock so that an entry can't be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Obstacle {
    Order(OrderId),
    /// What another transaction has written and not committed is nobody's until it ends.
    Reference(Uuid, String),
    /// Whose new order has no reference.
    Account(Uuid),
}

impl Obstacle {
    fn of(Asked { caller_id, entry, .. }: Asked) -> Obstacle {
        match entry {
            Entry::Create { details } => match &details.reference {
                Some(reference) => Obstacle::Reference(caller_id, reference.clone()),
                None => Obstacle::Account(caller_id),
            },
            Entry::Record { order_id, .. } | Entry::Change { order_id, .. } | Entry::Assign { order_id, .. } => {
                Obstacle::Order(*order_id)
            }
        }
    }
}

/// Entries by what keeps them from being written: the group's index, and the entry's in it.
type Waiting = BTreeMap<Obstacle, Vec<(usize, usize)>>;

impl<A: Fn(Vec<Announcement>)> Writer<A> {
    pub fn new(queue: crossbeam_channel::Receiver<Group>, database_url: SecretString, announce: A) -> Writer<A> {
        Writer {
            queue,
            connection: JournalConnection::new(database_url, announce),
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
        let mut room = MOST_IN_ALL.saturating_sub(open_places(&groups).count()).clamp(ROOM_MIN, MOST);
        for group in first.into_iter().chain(self.queue.try_iter()) {
            room = room.saturating_sub(group.entries.len().max(1));
            if group.claim.take() {
                groups.push(group);
            }
            if room == 0 {
                break;
            }
        }
        Some(groups)
    }

    /// Writes all that it can in one transaction, and answers that. What somebody else's lock keeps from being written
    /// comes after, apart from each other: those who wait for one lock don't wait for another.
    fn write(&mut self, groups: Vec<Group>) {
        let (whole, groups): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(Group::is_whole);
        if !groups.is_empty() {
            self.write_together(groups);
        }
        for group in whole {
            self.write_whole(group);
        }
    }

    fn write_together(&mut self, mut groups: Vec<Group>) {
        let known = going_apart(&groups);
        let together: Vec<(usize, usize)> = open_places(&groups)
            .filter(|&place| known.is_empty() || !known.contains(&obstacle(&groups, place)))
            .collect();
        // Nobody else waits with the only one.
        let waited_for = if known.is_empty() { the_only_one(&groups, &together) } else { None };
        self.write_places(&mut groups, &together, if waited_for.is_some() { Lock::Wait } else { Lock::Skip });
        let mut groups = answer_those_decided(groups);

        let known = going_apart(&groups);
        let (mut apart, mut busy) = (Waiting::new(), Waiting::new());
        for place in open_places(&groups) {
            let obstacle = obstacle(&groups, place);
            let waiting = if known.contains(&obstacle) { &mut apart } else { &mut busy };
            waiting.entry(obstacle).or_default().push(place);
        }
        if let Some(obstacle) = waited_for {
            // It has had its turn.
            apart.remove(&obstacle);
            busy.remove(&obstacle);
        }
        if !apart.is_empty() || !busy.is_empty() {
            self.hurry();
            self.write_in_turn(&mut groups, apart, busy);
        }
        self.relax();
        for group in &mut groups {
            if group.asked_at.elapsed() + BUSY_ANSWER_BEFORE >= TIME_LIMIT {
                group.outcomes.iter_mut().filter(|outcome| is_open(outcome)).for_each(|outcome| {
                    *outcome = Some(Err(Rejection::Busy));
                });
            }
        }
        self.put_off = answer_those_decided(groups);
    }

    /// A group that is not to be divided, in a transaction of its own.
    fn write_whole(&mut self, mut group: Group) {
        if group.outcomes.iter().any(Option::is_some) {
            self.hurry();
        }
        let answer = match self.connection.transact_whole(&group) {
            // What was left out would be for ever in what is kept under its key.
            Ok(Ok(outcomes)) if outcomes.iter().any(|outcome| matches!(outcome, Err(Rejection::Busy))) => None,
            Ok(answer) => Some(answer),
            Err(Failure::Disconnected) => Some(Err(Rejection::DatabaseUnavailable)),
            Err(Failure::Unknown) => Some(Err(Rejection::OutcomeUnknown)),
            Err(Failure::Refused(error)) if is_of_the_moment(&error) => None,
            Err(Failure::Refused(error)) => Some(Err(Rejection::Internal(format!("{error:?}")))),
        };
        match answer {
            Some(answer) => group.answer(answer),
            None if group.asked_at.elapsed() + BUSY_ANSWER_BEFORE >= TIME_LIMIT => {
                group.answer(Err(Rejection::Overloaded));
            }
            None => {
                group.outcomes.fill(Some(Err(Rejection::Apart)));
                self.put_off.push(group);
            }
        }
        self.relax();
    }

    /// One obstacle after the other. Those last that each turn tries with all others, such as locked orders.
    fn write_in_turn(&mut self, groups: &mut [Group], mut apart: Waiting, busy: Waiting) {
        let first = self.next_turn.take().map(|first| apart.split_off(&first)).unwrap_or_default();
        for (obstacle, places) in first.into_iter().chain(apart) {
            if self.has_no_time() {
                self.next_turn = Some(obstacle);
                return;
            }
            self.write_places(groups, &places, Lock::Wait);
        }
        for places in busy.into_values() {
            if self.has_no_time() {
                return;
            }
            self.write_places(groups, &places, Lock::Wait);
        }
    }

    /// From now on others wait; what is in haste already gets its time anew.
    fn hurry(&mut self) {
        if self.haste_until.replace(Instant::now() + HASTE).is_none() {
            self.connection.set_lock_timeout(table::LOCK_TIMEOUT_IN_HASTE);
        }
    }

    fn relax(&mut self) {
        if self.haste_until.take().is_some() {
            self.connection.set_lock_timeout(table::LOCK_TIMEOUT);
        }
    }

    fn has_no_time(&self) -> bool {
        self.haste_until.is_some_and(|until| Instant::now() > until)
    }

    /// Writes the entries at these places and notes what came of them. Those whose orders are locked stay as they are, and
    /// those that have to be written apart from others stay open.
    fn write_places(&mut self, groups: &mut [Group], places: &[(usize, usize)], lock: Lock) {
        let asked: Vec<Asked> = places.iter().map(|&place| asked(groups, place)).collect();
        let mut outcomes = self.write_or_split(&asked, lock).into_iter();
        for &(group, index) in places {
            let before = groups[group].outcomes[index].take();
            groups[group].outcomes[index] = match outcomes.next() {
                Some(Err(Rejection::Busy)) => before,
                outcome => Some(outcome.unwrap_or(Err(Rejection::OutcomeUnknown))),
            };
        }
    }

    fn write_or_split(&mut self, asked: &[Asked], lock: Lock) -> Vec<Outcome> {
        let put_off = || asked.iter().map(|one| Err(one.entry.put_off())).collect();
        if asked.is_empty() || self.has_no_time() {
            return put_off();
        }
        match self.connection.transact(asked, lock) {
            Ok(outcomes) => outcomes,
            Err(Failure::Disconnected) => vec![Err(Rejection::DatabaseUnavailable); asked.len()],
            Err(Failure::Unknown) => vec![Err(Rejection::OutcomeUnknown); asked.len()],
            Err(Failure::Refused(error)) if is_timeout(&error) => match lock {
                _ if !is_about_a_lock(&error) => put_off(),
                // Locked orders were left out: it waits for something else.
                Lock::Skip if asked.len() == 1 => vec![Err(Rejection::Apart)],
                // All wait for one thing.
                Lock::Wait if asked.len() == 1 || !asked.iter().any(|one| one.entry.may_want_another_lock()) => {
                    put_off()
                }
                Lock::Skip | Lock::Wait | Lock::Whole => {
                    if self.haste_until.is_none() {
                        self.hurry();
                    }
                    self.write_halves(asked, Lock::Skip)
                }
            },
            Err(Failure::Refused(_)) if asked.len() == 1 => vec![self.connection.write_alone(asked[0])],
            Err(Failure::Refused(error)) => {
                tracing::debug!(%error, entries = asked.len(), "transaction refused, its halves run alone");
                self.write_halves(asked, lock)
            }
        }
    }

    /// Halves, and halves of those: to find one culprit among many takes few transactions.
    fn write_halves(&mut self, asked: &[Asked], lock: Lock) -> Vec<Outcome> {
        let (first, second) = asked.split_at(asked.len() / 2);
        let mut outcomes = self.write_or_split(first, lock);
        // What was in the way stays there, and an order's entries keep their order.
        let in_the_way = |(outcome, one): (&Outcome, &Asked)| match outcome {
            Err(rejection @ (Rejection::Busy | Rejection::Apart)) => Some((Obstacle::of(*one), rejection.clone())),
            _ => None,
        };
        let in_the_way: BTreeMap<Obstacle, Rejection> = outcomes.iter().zip(first).filter_map(in_the_way).collect();
        let kept_by = |one| if in_the_way.is_empty() { None } else { in_the_way.get(&Obstacle::of(one)) };
        let free: Vec<_> = second.iter().copied().filter(|one| kept_by(*one).is_none()).collect();
        let mut written = self.write_or_split(&free, lock).into_iter();
        outcomes.extend(second.iter().map(|one| match kept_by(*one) {
            Some(rejection) => Err(rejection.clone()),
            None => written.next().unwrap_or(Err(Rejection::OutcomeUnknown)),
        }));
        outcomes
    }
}

impl Entry {
    /// A reference that another transaction holds is waited for like a lock.
    fn may_claim_a_reference(&self) -> bool {
        match self {
            Entry::Create { details } => details.reference.is_some(),
            Entry::Change { .. } => true,
            // A cancellation that is undone claims its own again.
            Entry::Record { request, .. } => request.step == Step::Undo,
            Entry::Assign { .. } => false,
        }
    }

    /// Some of an order's entries may wait for something else than the order.
    fn may_want_another_lock(&self) -> bool {
        self.order_id().is_some() && self.may_claim_a_reference()
    }

    /// What becomes of it when it has waited for too long, or had no time.
    pub fn put_off(&self) -> Rejection {
        if self.may_claim_a_reference() { Rejection::Apart } else { Rejection::Busy }
    }
}

fn asked(groups: &[Group], (group, index): (usize, usize)) -> Asked<'_> {
    groups[group].asked(index)
}

fn obstacle(groups: &[Group], place: (usize, usize)) -> Obstacle {
    Obstacle::of(asked(groups, place))
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

/// What goes apart from others since it was found to wait, or had no time to show that it doesn't.
fn going_apart(groups: &[Group]) -> BTreeSet<Obstacle> {
    open_places(groups)
        .filter(|&(group, index)| groups[group].outcomes[index].is_some())
        .map(|place| obstacle(groups, place))
        .collect()
}

/// The obstacle of one entry, or of one order's, if there is nothing else at these places.
fn the_only_one(groups: &[Group], places: &[(usize, usize)]) -> Option<Obstacle> {
    let (first, others) = places.split_first()?;
    let order = |&place: &(usize, usize)| asked(groups, place).entry.order_id();
    let is_only =
        others.is_empty() || order(first).is_some() && others.iter().all(|other| order(other) == order(first));
    is_only.then(|| obstacle(groups, *first))
}

/// Answers the groups of which every entry is decided, and gives back the others.
fn answer_those_decided(groups: Vec<Group>) -> Vec<Group> {
    let (decided, open): (Vec<Group>, Vec<Group>) =
        groups.into_iter().partition(|group| !group.outcomes.iter().any(is_open));
    for mut group in decided {
        let outcomes = std::mem::take(&mut group.outcomes);
        group.answer(Ok(outcomes.into_iter().flatten().collect()));
    }
    open
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
