//! The journal: the component through which every change of every order goes.
//!
//! Entries wait in a bounded queue; two writers, each with a connection of its own, gather what waits into one
//! transaction (`batch`). The answer, refusals included, comes after the commit.

mod batch;
mod connection;
mod once;
mod writer;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
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
    ReferenceTaken(OrderId),
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
    waiting: Arc<AtomicUsize>,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

/// On what terms entries are written.
#[derive(Clone, Default)]
pub struct Terms {
    pub once: Option<Once>,
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
    #[expect(dead_code, reason = "counts down when the group goes")]
    place: Place,
}

impl Group {
    /// Has it to be written in one transaction, which it has for itself?
    fn is_whole(&self) -> bool {
        self.terms.atomic || self.terms.dry_run || self.terms.once.is_some() && self.entries.len() != 1
    }

    fn asked(&self, index: usize) -> Asked<'_> {
        let once = self.terms.once.as_ref().filter(|_| !self.is_whole());
        Asked { caller_id: self.caller_id, entry: &self.entries[index], once }
    }
}

/// So many places in the queue, free again when dropped.
struct Place {
    count: usize,
    waiting: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.count, Ordering::Relaxed);
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
        Ok(Journal {
            queue: RwLock::new(Some(sender)),
            waiting: Arc::new(AtomicUsize::new(0)),
            writers: Mutex::new(writers),
        })
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
        let before = self.waiting.fetch_add(count, Ordering::Relaxed);
        let place = Place { count, waiting: self.waiting.clone() };
        let outcomes = vec![None; count];
        let asked_at = Instant::now();
        let group = Group { caller_id, entries, terms, outcomes, asked_at, claim: claim.clone(), answer, place };
        if before + count > CAPACITY {
            return Err(Rejection::Overloaded);
        }
        let sent = match &*self.queue.read().unwrap_or_else(std::sync::PoisonError::into_inner) {
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
        self.queue.write().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let writers = std::mem::take(&mut *self.writers.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for writer in writers {
            if writer.join().is_err() {
                tracing::error!("a journal writer had panicked");
            }
        }
    }
}
