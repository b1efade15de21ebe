//! Between replicas: what this one has committed goes to one Redis channel, and what is heard there goes to the hub.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use deadpool_redis::redis;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::announcement::{self, Message};
use super::unconfirmed::Whom;
use super::{Batch, Live};
use crate::redis_link::Listener;

/// Each replica says this often that it is there.
const TICK: Duration = Duration::from_secs(1);
/// A link on which nothing is heard for so long, not even the own tick, is dead.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// Messages that wait for this task; what does not fit is dropped, and the repair finds it.
const HEARD_MAX: usize = 4096;
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// What is taken from the queue into one round trip, and the announcements in one message.
const BATCHES: usize = 64;
const MESSAGE: usize = 256;

/// Publishes batch by batch. While Redis is away they are dropped: the feed has them.
pub(super) async fn publish(live: Weak<Live>, mut batches: mpsc::Receiver<Batch>) {
    let mut taken = Vec::new();
    while batches.recv_many(&mut taken, BATCHES).await > 0 {
        let Some(live) = live.upgrade() else { return };
        let announcements: Vec<_> = taken.iter().flat_map(|batch| batch.iter()).collect();
        let mut commands = redis::pipe();
        // First the caches, then the news: who hears of it must not find what was before.
        let orders: HashSet<_> = announcements.iter().map(|announcement| announcement.event.order_id).collect();
        let keys: Vec<_> = orders.into_iter().map(|id| live.track.redis_key(id)).collect();
        commands.del(keys).ignore();
        for some in announcements.chunks(MESSAGE) {
            match announcement::encode(live.replica, some) {
                Ok(message) => commands.publish(&live.channel, message).ignore(),
                Err(error) => {
                    tracing::error!(%error, "announcements can't be written");
                    continue;
                }
            };
        }
        let published: Option<()> = live.redis.run(&commands).await;
        if published.is_none() {
            tracing::debug!(events = announcements.len(), "not announced to other replicas: Redis is away");
        }
        taken.clear();
    }
}

/// Hears what other replicas announce, and connects again for as long as it takes.
pub(super) async fn listen(live: Weak<Live>) {
    let mut pause = PAUSES.0;
    loop {
        let Some(up) = live.upgrade() else { return };
        let connected = up.redis.listen(&up.channel, HEARD_MAX).await;
        match connected {
            Ok(listener) => {
                tracing::info!("hearing other replicas");
                drop(up);
                let since = Instant::now();
                let why = follow(&live, listener).await;
                let Some(up) = live.upgrade() else { return };
                up.set_relay_is_up(false);
                tracing::warn!(why, "other replicas can't be heard: reading the feed more often");
                if since.elapsed() > SILENCE_MAX * 2 {
                    pause = PAUSES.0;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "no connection to hear other replicas on");
                up.set_relay_is_up(false);
            }
        }
        // Not all replicas in the same instant.
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Hears until the link is dead, and says why.
async fn follow(live: &Weak<Live>, mut listener: Listener) -> &'static str {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            message = listener.next() => {
                let Some(message) = message else { return "the connection has ended" };
                let Some(live) = live.upgrade() else { return "going down" };
                heard = Instant::now();
                take_in(&live, &message);
            }
            _ = ticks.tick() => {
                let Some(live) = live.upgrade() else { return "going down" };
                if heard.elapsed() >= SILENCE_MAX {
                    return "the connection is silent";
                }
                if listener.has_dropped() {
                    tracing::warn!("more was announced than could be taken in: reading the feed");
                    live.repair_now.notify_one();
                }
                listener.publish(&live.channel, &announcement::tick(live.replica));
            }
        }
    }
}

fn take_in(live: &Live, message: &[u8]) {
    // Up is who has heard something, not who has connected.
    live.set_relay_is_up(true);
    match announcement::decode(message, live.replica) {
        Ok(Message::News(announcements)) => live.take_in(Arc::new(announcements), Whom::Others),
        Ok(Message::Tick | Message::Echo) => {}
        Err(error) => tracing::warn!(%error, "a malformed announcement is skipped"),
    }
}
