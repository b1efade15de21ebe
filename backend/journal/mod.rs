//! The journal: the component through which every change of every order goes.
//!
//! Entries wait in a bounded queue; two writers, each with a connection of its own, gather what waits into one
//! transaction (`batch`). The answer, refusals included, comes after the commit.

mod batch;
mod connection;
mod once;
mod writer;

use std::collections::HashMap;
use std::collections::hash_map;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::sync::oneshot;
use uuid::Uuid;

pub use self::once::{Once, Render};
use crate::domain::account::Caller;
use crate::domain::event::Event;
use crate::domain::ids::OrderId;
use crate::domain::order::{Details, EventRequest, Order, Refusal};
use crate::live::Announcement;
use crate::storage::db::{Claim, TIME_LIMIT};
use crate::storage::idempotency_keys::Answer;

/// How many entries may wait at once; at ten thousand a second this is less than the time limit.
const CAPACITY: usize = 8192;
/// And how many of one account's: four of the largest batches. The others have to wait for them.
const SHARE: usize = CAPACITY / 4;
const WRITERS: usize = 2;

/// One change that is asked for. Everything in it can be tried again: a transaction that Postgres refuses is.
pub enum Entry {
    Create { details: Details },
    Record { order_id: OrderId, request: EventRequest },
    Change { order_id: OrderId, change: Box<dyn Fn(&mut Details) + Send>, expected_version: Option<i32> },
    Assign { order_id: OrderId, to: Assignee },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Assignee {
    Caller,
    Mover(Uuid),
    Nobody,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// None where nothing had to change.
    pub event: Option<Event>,
    /// The order after it.
    pub order: Order,
    pub caller: Caller,
    /// Postgres' clock at that time.
    pub now: DateTime<Utc>,
}

/// Why nothing was written, or, for `OutcomeUnknown`, why nobody knows.
#[derive(Debug, Clone)]
pub enum Rejection {
    /// No such order, or none that the caller may see.
    NotFound,
    Refused {
        refusal: Refusal,
        order: Box<Order>,
        caller: Caller,
        now: DateTime<Utc>,
    },
    /// By this order, if that is one that there is.
    ReferenceTaken(Option<OrderId>),
    /// The assignee is no active mover.
    NotAMover,
    /// The caller's account is gone or deactivated.
    AccountEnded,
    DatabaseUnavailable,
    Overloaded,
    /// Its Idempotency-Key has an answer.
    AnsweredBefore(Box<Answer>),
    /// Somebody else is at work on its Idempotency-Key.
    KeyInProgress,
    /// Its Idempotency-Key was used for something else.
    KeyReused,
    /// Not in this transaction: somebody else has locked something that it needs. An answer only where that lasts for
    /// longer than anybody here takes.
    Busy,
    /// Not in one transaction with others: it may have to wait for a reference that somebody else holds or wants. Never an
    /// answer.
    Apart,
    OutcomeUnknown,
    /// Postgres refused it for a reason that should not be possible.
    Internal(String),
}

pub type Outcome = Result<Recorded, Rejection>;

pub struct Journal {
    /// None once closed.
    queue: RwLock<Option<crossbeam_channel::Sender<Group>>>,
    waiting: Arc<Waiting>,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

/// On what terms entries are written.
#[derive(Clone, Default)]
pub struct Terms {
    pub once: Option<Once>,
    /// Each entry has a result of its own within one answer, also where it is the only one.
    pub batch: bool,
    /// All of them or none.
    pub atomic: bool,
    /// None of them: what would become of them.
    pub dry_run: bool,
}

/// One entry, and who asks for it.
#[derive(Clone, Copy)]
struct Asked<'a> {
    caller_id: Uuid,
    entry: &'a Entry,
    /// Only where it is the whole of what is asked.
    once: Option<&'a Once>,
}

/// Entries of one caller that are decided in their order and answered together.
struct Group {
    caller_id: Uuid,
    entries: Vec<Entry>,
    terms: Terms,
    /// One for each entry; none, or [`Rejection::Apart`], while it has not been decided.
    outcomes: Vec<Option<Outcome>>,
    asked_at: Instant,
    claim: Arc<Claim>,
    /// An outcome for each entry, or why nothing was done about any.
    answer: oneshot::Sender<Result<Vec<Outcome>, Rejection>>,
    place: Place,
}

impl Group {
    /// Has it to be written in one transaction, which it has for itself?
    fn is_whole(&self) -> bool {
        self.terms.atomic || self.terms.dry_run || self.terms.once.is_some() && self.terms.batch
    }

    /// Its place is free before anybody hears of it: who has an answer may ask for as much again.
    fn answer(self, answer: Result<Vec<Outcome>, Rejection>) {
        drop(self.place);
        // Who asked may have gone; what was written stays written.
        let _ = self.answer.send(answer);
    }

    fn asked(&self, index: usize) -> Asked<'_> {
        let once = self.terms.once.as_ref().filter(|_| !self.is_whole());
        Asked { caller_id: self.caller_id, entry: &self.entries[index], once }
    }
}

/// Entries that wait: of everybody, and of each account that has any.
#[derive(Default)]
struct Waiting(Mutex<(usize, HashMap<Uuid, usize>)>);

/// So many places of an account in the queue, free again when dropped.
struct Place {
    account_id: Uuid,
    count: usize,
    waiting: Arc<Waiting>,
}

impl Place {
    /// None: there are not so many.
    fn take(waiting: &Arc<Waiting>, account_id: Uuid, count: usize) -> Option<Place> {
        let mut guard = waiting.lock();
        let (in_all, accounts) = &mut *guard;
        let of_account = accounts.get(&account_id).copied().unwrap_or(0);
        if *in_all + count > CAPACITY || of_account + count > SHARE {
            return None;
        }
        *in_all += count;
        accounts.insert(account_id, of_account + count);
        Some(Place { account_id, count, waiting: waiting.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut guard = self.waiting.lock();
        let (in_all, accounts) = &mut *guard;
        *in_all -= self.count;
        if let hash_map::Entry::Occupied(mut of_account) = accounts.entry(self.account_id) {
            *of_account.get_mut() -= self.count;
            if *of_account.get() == 0 {
                of_account.remove();
            }
        }
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, (usize, HashMap<Uuid, usize>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal {
    /// Starts the writers. `announce` gets the events of each transaction after its commit, before the answers go out.
    pub fn start(
        database_url: &SecretString,
        announce: impl Fn(Vec<Announcement>) + Clone + Send + 'static,
    ) -> io::Result<Journal> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let writers = (1..=WRITERS)
            .map(|n| {
                let writer = writer::Writer::new(receiver.clone(), database_url.clone(), announce.clone());
                std::thread::Builder::new().name(format!("journal-{n}")).spawn(move || writer.run())
            })
            .collect::<io::Result<_>>()?;
        Ok(Journal { queue: RwLock::new(Some(sender)), waiting: Arc::default(), writers: Mutex::new(writers) })
    }

    /// Writes one entry for a caller.
    pub async fn append(&self, caller_id: Uuid, entry: Entry) -> Outcome {
        self.append_all(caller_id, vec![entry]).await.pop().unwrap_or(Err(Rejection::OutcomeUnknown))
    }

    /// Writes entries, each with its own outcome, in their order. They wait two seconds at most.
    pub async fn append_all(&self, caller_id: Uuid, entries: Vec<Entry>) -> Vec<Outcome> {
        let count = entries.len();
        let outcomes = self.append_on(Terms::default(), caller_id, entries).await;
        outcomes.unwrap_or_else(|rejection| vec![Err(rejection); count])
    }

    /// The same on terms; or why nothing was done about any of them.
    pub async fn append_on(
        &self,
        terms: Terms,
        caller_id: Uuid,
        entries: Vec<Entry>,
    ) -> Result<Vec<Outcome>, Rejection> {
        let count = entries.len();
        let claim = Arc::new(Claim::default());
        let (answer, answered) = oneshot::channel();
        // One that asks for nothing but an answer waits, too.
        let place = Place::take(&self.waiting, caller_id, count.max(1)).ok_or(Rejection::Overloaded)?;
        let outcomes = vec![None; count];
        let asked_at = Instant::now();
        let group = Group { caller_id, entries, terms, outcomes, asked_at, claim: claim.clone(), answer, place };
        let sent = match &*self.queue.read().unwrap_or_else(PoisonError::into_inner) {
            Some(queue) => queue.send(group).is_ok(),
            None => false,
        };
        if !sent {
            return Err(Rejection::Overloaded);
        }
        match tokio::time::timeout(TIME_LIMIT, answered).await {
            Ok(Ok(outcomes)) => outcomes,
            // The writer went away with it.
            Ok(Err(_)) => Err(Rejection::OutcomeUnknown),
            Err(_) if claim.abandon() => Err(Rejection::DatabaseUnavailable),
            Err(_) => Err(Rejection::OutcomeUnknown),
        }
    }

    /// Takes no more entries, writes what waits, and ends the writers. Blocks until they have ended.
    pub fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
        let writers = std::mem::take(&mut *self.writers.lock().unwrap_or_else(PoisonError::into_inner));
        for writer in writers {
            if writer.join().is_err() {
                tracing::error!("a journal writer had panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places() {
        let waiting = Arc::default();
        let (greedy, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut places: Vec<Place> = std::iter::from_fn(|| Place::take(&waiting, greedy, 500)).collect();
        assert_eq!(places.len(), 4);
        assert!(Place::take(&waiting, other, 500).is_some());
        places.pop();
        assert!(Place::take(&waiting, greedy, 500).is_some());
        drop(places);
        assert!(waiting.lock().1.is_empty(), "nothing stays behind");
        let all: Vec<Option<Place>> =
            (0..5).map(|account| Place::take(&waiting, Uuid::from_u128(account), SHARE)).collect();
        assert_eq!(all.iter().flatten().count(), CAPACITY / SHARE);
    }
}
