//! What one socket watches, and how each subscription begins: register at the hub, read where the order stands, send
//! that, then let through what has come since. Everything here is of one socket and of its one task.

use std::sync::Arc;

use bytestring::ByteString;

use super::Live;
use super::frames::{self, Refusal};
use super::hub::Head;
use super::lists::Audience;
use super::outbox::{About, Frame, Item, Outbox};
use super::topics::Topic;
use super::watchers::Watcher;
use crate::auth::extractors::Identity;
use crate::domain::account::Role;
use crate::domain::ids::OrderId;
use crate::error::{Error, Result};
use crate::storage::tracking::{Snapshot, Which};

const SUBSCRIPTIONS_MAX: usize = 200;
/// Of one socket; what else it asks for waits.
const READING_MAX: usize = 4;
/// Frames of one subscription that are kept back while it begins; if there are more, it reads once more.
const HELD_MAX: usize = 256;

const MISSES_MAX: u8 = 5;

/// Frames to send, in this order.
pub type Out = Vec<ByteString>;

pub struct Subscriptions {
    live: Arc<Live>,
    outbox: Arc<Outbox>,
    caller: Option<Identity>,
    list: Vec<Subscription>,
    last_number: u32,
    /// How many answers of the database are still to come, also for those that are unsubscribed by now.
    reading: usize,
    guesses: u32,
}

struct Subscription {
    number: u32,
    topic: Topic,
    seat: u32,
    state: State,
}

enum State {
    /// Waits until others of this socket have begun.
    Queued {
        after: i32,
    },
    Beginning(Box<Beginning>),
    /// Everything up to the version was sent; on `orders` it means nothing.
    Running {
        sent: i32,
    },
}

struct Beginning {
    /// The version up to which the client has everything.
    after: i32,
    /// Where the hub stood; what it delivers above that is held.
    target: i32,
    is_announced: bool,
    held: Vec<Frame>,
    has_lost: bool,
    /// How often the end was reached without meeting what is held.
    misses: u8,
}

impl Subscriptions {
    pub fn new(live: Arc<Live>, outbox: Arc<Outbox>) -> Subscriptions {
        Subscriptions { live, outbox, caller: None, list: Vec::new(), last_number: 0, reading: 0, guesses: 0 }
    }

    /// How many public topics were asked for since the last call that nobody has.
    pub fn guesses(&mut self) -> u32 {
        std::mem::take(&mut self.guesses)
    }

    pub fn set_caller(&mut self, caller: Identity) {
        self.caller = Some(caller);
    }

    pub fn subscribe(&mut self, topic: Topic, after: u64, out: &mut Out) -> Result<(), Refusal> {
        if self.caller.is_none() && !matches!(topic, Topic::Track(_)) {
            return Err(Refusal::Unauthenticated);
        }
        if self.list.iter().any(|subscription| subscription.topic == topic) {
            return Err(Refusal::AlreadySubscribed);
        }
        if self.list.len() >= SUBSCRIPTIONS_MAX {
            return Err(Refusal::TooManySubscriptions);
        }
        self.last_number = self.last_number.wrapping_add(1);
        let number = self.last_number;
        if let Some(audience) = self.audience()
            && topic == Topic::Orders
        {
            let seat = self.live.hub.join_list(audience, self.watcher(number));
            self.list.push(Subscription { number, topic, seat, state: State::Running { sent: 0 } });
            out.extend(frames::subscribed_to_orders());
            return Ok(());
        }
        // No order has so many events; it is beyond whatever there is.
        let after = i32::try_from(after).unwrap_or(i32::MAX);
        self.list.push(Subscription { number, topic, seat: 0, state: State::Queued { after } });
        self.begin_those_who_wait(out);
        Ok(())
    }

    pub fn unsubscribe(&mut self, topic: Topic, out: &mut Out) {
        if let Some(index) = self.list.iter().position(|subscription| subscription.topic == topic) {
            self.remove(index);
        }
        out.extend(frames::unsubscribed(topic));
        self.begin_those_who_wait(out);
    }

    pub fn take(&mut self, item: Item, out: &mut Out) {
        match item {
            Item::Frame(frame) => self.take_frame(frame, out),
            Item::Snapshot { subscription, snapshot, reset } => {
                self.reading -= 1;
                self.take_snapshot(subscription, *snapshot, reset, out);
                self.begin_those_who_wait(out);
            }
        }
    }

    fn take_frame(&mut self, frame: Frame, out: &mut Out) {
        let Some(index) = self.index_of(frame.subscription) else { return };
        match &mut self.list[index].state {
            State::Queued { .. } => {}
            State::Beginning(beginning) if beginning.has_lost => {}
            State::Beginning(beginning) if beginning.held.len() >= HELD_MAX => {
                // What was held was committed before the next reading, which will have it.
                beginning.held = Vec::new();
                beginning.has_lost = true;
            }
            State::Beginning(beginning) => beginning.held.push(frame),
            State::Running { sent } => match frame.about {
                About::Version(version) if version <= *sent => {}
                About::Version(version) => {
                    *sent = version;
                    out.push(frame.text);
                }
                About::Orders => out.push(frame.text),
                // Switched off, and on again, before this began.
                About::Gone(version) if version <= *sent => {}
                About::Gone(_) => {
                    out.push(frame.text);
                    self.remove(index);
                }
            },
        }
    }

    fn take_snapshot(&mut self, number: u32, read: Result<Option<Snapshot>>, reset: bool, out: &mut Out) {
        let Some(index) = self.index_of(number) else { return };
        let topic = self.list[index].topic;
        let is_announced = matches!(&self.list[index].state, State::Beginning(beginning) if beginning.is_announced);
        let refusal = match read {
            Ok(Some(snapshot)) if self.may_see(topic, &Head::from(&snapshot)) => {
                return self.go_on(index, snapshot, reset, out);
            }
            Ok(_) if is_announced && matches!(topic, Topic::Track(_)) => {
                self.remove(index);
                return out.extend(frames::gone(topic));
            }
            Ok(_) => {
                self.guesses += u32::from(matches!(topic, Topic::Track(_)));
                Refusal::NotFound
            }
            Err(Error::Internal(cause)) => {
                tracing::error!(%topic, %cause, "a subscription can't begin");
                Refusal::Internal
            }
            Err(_) => Refusal::DatabaseUnavailable,
        };
        self.remove(index);
        out.extend(frames::error(refusal, &topic.to_string()));
    }

    /// Sends what was read, and reads on until nothing is missing between that and what the hub delivers.
    fn go_on(&mut self, index: usize, snapshot: Snapshot, reset: bool, out: &mut Out) {
        let Subscription { number, topic, ref mut state, .. } = self.list[index];
        let (State::Beginning(beginning), Some((id, which))) = (state, topic.order()) else { return };
        let newest = snapshot.newest(which);
        if beginning.is_announced {
            out.extend(snapshot.events.iter().filter_map(|event| frames::event(topic, event)));
        } else {
            beginning.is_announced = true;
            let (head, is_missing) = self.live.hub.seed(id, Head::from(&snapshot), std::time::Instant::now());
            if is_missing {
                self.live.catch_up_now.notify_one();
            }
            beginning.target = head.version;
            out.extend(frames::subscribed(topic, newest, reset, &snapshot.events));
        }
        if reset {
            beginning.after = 0;
        }
        beginning.after = snapshot.events.last().map_or(beginning.after, |event| event.version);
        let is_short = !snapshot.has_more && snapshot.version < beginning.target;
        beginning.misses += u8::from(is_short);
        // After a few times the hub has heard of what is not in the database, as after a restore; it is the truth.
        if snapshot.has_more || beginning.has_lost || (is_short && beginning.misses < MISSES_MAX) {
            // While pages are read the hub may run ahead as it likes: only the last page has to meet what is held.
            if beginning.has_lost {
                beginning.has_lost = false;
                beginning.held = Vec::new();
            }
            let after = beginning.after;
            self.read(number, id, which, after);
            return;
        }
        let held = std::mem::take(&mut beginning.held);
        self.list[index].state = State::Running { sent: snapshot.version };
        for frame in held {
            self.take_frame(frame, out);
        }
    }

    fn begin_those_who_wait(&mut self, out: &mut Out) {
        while self.reading < READING_MAX {
            let waiting = |subscription: &Subscription| matches!(subscription.state, State::Queued { .. });
            let Some(index) = self.list.iter().position(waiting) else { return };
            self.begin(index, out);
        }
    }

    fn begin(&mut self, index: usize, out: &mut Out) {
        let Subscription { number, topic, ref state, .. } = self.list[index];
        let (&State::Queued { after }, Some((id, which))) = (state, topic.order()) else { return };
        let (seat, head) = self.live.hub.join(id, which, self.watcher(number));
        self.list[index].seat = seat;
        if let Some(head) = head
            && self.may_see(topic, &head)
            && after == newest(which, &head)
        {
            // Whoever comes back and has missed nothing costs the database nothing.
            self.list[index].state = State::Running { sent: head.version };
            out.extend(frames::subscribed(topic, after, false, &[]));
            return;
        }
        let beginning =
            Beginning { after, target: 0, is_announced: false, held: Vec::new(), has_lost: false, misses: 0 };
        self.list[index].state = State::Beginning(Box::new(beginning));
        self.read(number, id, which, after);
    }

    /// Reads what comes after a version; the answer comes through the outbox.
    fn read(&mut self, number: u32, id: OrderId, which: Which, after: i32) {
        self.reading += 1;
        let (live, outbox) = (self.live.clone(), self.outbox.clone());
        actix_web::rt::spawn(async move {
            let mut snapshot = live.snapshot(id, which, after).await;
            let mut reset = false;
            if let Ok(Some(read)) = &snapshot
                && after > read.newest(which)
            {
                snapshot = live.snapshot(id, which, 0).await;
                reset = true;
            }
            outbox.answer(Item::Snapshot { subscription: number, snapshot: Box::new(snapshot), reset });
        });
    }

    fn may_see(&self, topic: Topic, head: &Head) -> bool {
        match topic {
            Topic::Track(_) => head.public_tracking,
            Topic::Order(_) | Topic::Orders => match self.audience() {
                Some(Audience::Everybody) => true,
                Some(Audience::Owner(id)) => id == head.owner_id,
                None => false,
            },
        }
    }

    /// Whose orders the caller sees.
    fn audience(&self) -> Option<Audience> {
        self.caller.map(|caller| match caller.role {
            Role::User => Audience::Owner(caller.account_id),
            Role::Mover | Role::Admin => Audience::Everybody,
        })
    }

    fn remove(&mut self, index: usize) {
        let subscription = self.list.swap_remove(index);
        let watcher = self.watcher(subscription.number);
        match (subscription.topic.order(), subscription.state) {
            (_, State::Queued { .. }) => {}
            (Some((id, which)), _) => self.live.hub.leave(id, which, subscription.seat, &watcher),
            (None, _) => {
                if let Some(audience) = self.audience() {
                    self.live.hub.leave_list(audience, subscription.seat, &watcher);
                }
            }
        }
    }

    fn watcher(&self, number: u32) -> Watcher {
        Watcher { outbox: self.outbox.clone(), subscription: number }
    }

    fn index_of(&self, number: u32) -> Option<usize> {
        self.list.iter().position(|subscription| subscription.number == number)
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        while !self.list.is_empty() {
            self.remove(self.list.len() - 1);
        }
    }
}

fn newest(which: Which, head: &Head) -> i32 {
    match which {
        Which::All => head.version,
        Which::Public => head.public_version,
    }
}
