//! One endpoint that this replica has: up to four messages under way at once, those of one order in their order.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::notes::{Known, Note};
use super::{Shared, Wake};
use crate::domain::ids::OrderId;
use crate::storage::deliveries::{self, About, Due, Endpoint};

const UNDER_WAY_MAX: usize = 4;
/// Deliveries read at once, and waiting here at most: behind an order's earlier ones, those of other orders. With their events
/// they may be 20 kB each.
const PAGE: i64 = 50;
const WAITING_MAX: usize = 100;
/// How long a task waits for more before it leaves its endpoint to others.
const LINGERS: Duration = Duration::from_secs(2);
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long it is believed where to send to, how to sign, and that it is ours to do.
const BELIEVED: Duration = Duration::from_secs(1);

/// Sends what is due for an endpoint, until nothing is for a while, or the endpoint is another replica's.
pub async fn serve(shared: Arc<Shared>, id: Uuid, wake: Arc<Wake>) {
    // Whatever happens: what nobody serves is not renewed.
    let place = Place { shared: shared.clone(), id };
    let mut task = Task::new(shared.clone(), id, wake);
    task.run().await;
    task.is_all_noted().await;
    let replica = shared.replica;
    // If this fails, the lease runs out. Until then it is in its place: another task would begin with it.
    let _ = shared.db.write(move |connection| deliveries::release(connection, replica, id)).await;
    drop(place);
    // What became due since it was looked at last.
    shared.committed.notify_one();
}

struct Place {
    shared: Arc<Shared>,
    id: Uuid,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.taken().remove(&self.id);
        self.shared.left.notify_one();
    }
}

struct Task {
    shared: Arc<Shared>,
    id: Uuid,
    wake: Arc<Wake>,
    waiting: VecDeque<Due>,
    known: Known,
    noted: Arc<Notify>,
    /// Orders of which a message is under way for the first time: none of their later ones goes before that has ended.
    first_attempts: HashSet<OrderId>,
    is_told_to_stop: bool,
}

impl Task {
    fn new(shared: Arc<Shared>, id: Uuid, wake: Arc<Wake>) -> Task {
        Task {
            shared,
            id,
            wake,
            waiting: VecDeque::new(),
            known: Known::default(),
            noted: Arc::default(),
            first_attempts: HashSet::new(),
            is_told_to_stop: false,
        }
    }

    async fn run(&mut self) {
        let mut under_way = FuturesUnordered::new();
        let (mut endpoint, mut looked_at, mut may_be_more) = (None, Instant::now(), true);
        let mut is_ending = self.shared.is_ending.subscribe();
        while !self.is_told_to_stop && !*is_ending.borrow() {
            let has_room = under_way.len() < UNDER_WAY_MAX;
            let is_doubted = self.wake.has_changed.swap(false, Ordering::Relaxed);
            if is_doubted || has_room && (endpoint.is_none() || looked_at.elapsed() >= BELIEVED) {
                looked_at = Instant::now();
                match self.endpoint().await {
                    Ok(Some(found)) => endpoint = Some(Arc::new(found)),
                    Ok(None) => break,
                    // While nobody can say, nothing is sent.
                    Err(()) => endpoint = None,
                }
            }
            if let Some(endpoint) = &endpoint {
                while under_way.len() < UNDER_WAY_MAX
                    && let Some(due) = self.next()
                {
                    under_way.push(self.send(Arc::clone(endpoint), due));
                }
            }
            let reads = may_be_more && under_way.len() < UNDER_WAY_MAX && self.waiting.len() < WAITING_MAX;
            if reads && let Ok(is_all) = self.read().await {
                may_be_more = !is_all;
                continue;
            }
            let is_idle = under_way.is_empty() && self.waiting.is_empty() && !may_be_more;
            let is_stuck = reads || endpoint.is_none();
            tokio::select! {
                Some((order_id, note)) = under_way.next() => self.has_ended(order_id, note).await,
                () = self.wake.something_is_due.notified() => may_be_more = true,
                _ = is_ending.changed() => {}
                () = tokio::time::sleep(LINGERS), if is_idle => break,
                () = tokio::time::sleep(TRY_AGAIN_AFTER), if is_stuck => {}
            }
        }
        while let Some((order_id, note)) = under_way.next().await {
            self.has_ended(order_id, note).await;
        }
    }

    /// None: the endpoint is not ours any more, or is not to be told of anything.
    async fn endpoint(&self) -> Result<Option<Endpoint>, ()> {
        let (replica, id) = (self.shared.replica, self.id);
        let found = self.shared.db.read(move |connection| deliveries::endpoint(connection, replica, id)).await;
        found.map_err(|error| tracing::debug!(%error, "a webhook can't be read"))
    }

    /// Reads what is due; whether that is all.
    async fn read(&mut self) -> Result<bool, ()> {
        let known: Vec<Uuid> = self.known().iter().copied().collect();
        let id = self.id;
        let read = self.shared.db.read(move |connection| deliveries::due(connection, id, &known, PAGE)).await;
        let due = read.map_err(|error| tracing::warn!(%error, webhook = %id, "deliveries can't be read"))?;
        let is_all = (due.len() as i64) < PAGE;
        self.known().extend(due.iter().map(|due| due.id));
        self.waiting.extend(due);
        Ok(is_all)
    }

    /// The first that waits for nothing else.
    fn next(&mut self) -> Option<Due> {
        let mut passed_over = HashSet::new();
        let at = self.waiting.iter().position(|due| match order_of_first_attempt(due) {
            // Nor does one overtake another that waits.
            Some(id) => !self.first_attempts.contains(&id) && passed_over.insert(id),
            None => true,
        })?;
        let due = self.waiting.remove(at)?;
        self.first_attempts.extend(order_of_first_attempt(&due));
        Some(due)
    }

    fn send(&self, endpoint: Arc<Endpoint>, due: Due) -> impl Future<Output = (Option<OrderId>, Note)> + use<> {
        let (shared, id) = (self.shared.clone(), self.id);
        let (known, noted) = (self.known.clone(), self.noted.clone());
        async move {
            let attempted = shared.sender.attempt(id, &endpoint, &due).await;
            (order_of_first_attempt(&due), Note { attempted, known, noted })
        }
    }

    async fn has_ended(&mut self, order_id: Option<OrderId>, note: Note) {
        if let Some(id) = order_id {
            self.first_attempts.remove(&id);
        }
        // What waits is read again when it may be sent.
        self.is_told_to_stop |= note.attempted.status == Some(410)
            || note.attempted.pause.is_some()
            || !note.attempted.has_succeeded() && self.shared.is_crowded.load(Ordering::Relaxed);
        self.shared.notes.add(note).await;
    }

    /// Waits until what was sent is noted: another replica would send it again.
    async fn is_all_noted(&mut self) {
        let waiting: Vec<Uuid> = self.waiting.drain(..).map(|due| due.id).collect();
        waiting.iter().for_each(|id| _ = self.known().remove(id));
        while !self.known().is_empty() {
            self.noted.notified().await;
        }
    }

    fn known(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn order_of_first_attempt(due: &Due) -> Option<OrderId> {
    match &due.about {
        About::Event { event, .. } if due.attempts == 0 => Some(event.order_id),
        _ => None,
    }
}
