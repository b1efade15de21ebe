//! Somebody between two replicas, each of which has a channel of its own in Redis: passes on what is published in the one
//! to the other. A replica takes it for the other's, whose name is in it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{self, AsyncCommands, RedisResult};
use futures_util::StreamExt;
use tokio::task::JoinSet;

const LATE_BY: u64 = 400;
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Honest at first: everything at once, in order, and once.
#[derive(Default)]
pub struct Gossip {
    /// Late, twice, not at all, and in any order.
    pub is_malicious: AtomicBool,
    /// Hashes of what it has told, which would come back to it from the other channel.
    told: Mutex<HashSet<u64>>,
    hasher: RandomState,
    heard: AtomicUsize,
    newest_told: AtomicUsize,
    pub swallowed: AtomicUsize,
    pub repeated: AtomicUsize,
    pub out_of_order: AtomicUsize,
}

impl Gossip {
    /// Listens for as long as the tasks are held, in both directions, also after Redis was away.
    pub fn between(self: &Arc<Self>, redis_url: &str, channels: [&str; 2]) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let [one, other] = channels;
        for (from, to) in [(one, other), (other, one)] {
            let (gossip, url, from, to) = (self.clone(), redis_url.to_owned(), from.to_owned(), to.to_owned());
            tasks.spawn(async move {
                loop {
                    // Ends when Redis does.
                    gossip.pass_on(&url, &from, &to).await.ok();
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
            });
        }
        tasks
    }

    async fn pass_on(self: &Arc<Self>, url: &str, from: &str, to: &str) -> RedisResult<()> {
        let client = redis::Client::open(url)?;
        let mut tells = client.get_multiplexed_async_connection().await?;
        let mut hears = client.get_async_pubsub().await?;
        hears.subscribe(from).await?;
        let mut telling = JoinSet::new();
        while let Some(message) = hears.on_message().next().await {
            let payload: Vec<u8> = message.get_payload()?;
            if !self.told.lock().expect("no gossip panics").insert(self.hasher.hash_one(&payload)) {
                continue;
            }
            let number = self.heard.fetch_add(1, Ordering::Relaxed);
            if !self.is_malicious.load(Ordering::Relaxed) {
                self.tell(&mut tells, to, &payload, number).await;
                continue;
            }
            let times = [0, 1, 1, 2, 2, 3][rand::random_range(0..6)];
            self.swallowed.fetch_add(usize::from(times == 0), Ordering::Relaxed);
            self.repeated.fetch_add(usize::from(times > 1), Ordering::Relaxed);
            for _ in 0..times {
                let (gossip, mut tells, to, payload) = (self.clone(), tells.clone(), to.to_owned(), payload.clone());
                telling.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(rand::random_range(0..LATE_BY))).await;
                    gossip.tell(&mut tells, &to, &payload, number).await;
                });
            }
            while telling.try_join_next().is_some() {}
        }
        Ok(())
    }

    async fn tell(&self, tells: &mut MultiplexedConnection, to: &str, payload: &[u8], number: usize) {
        if self.newest_told.fetch_max(number, Ordering::Relaxed) > number {
            self.out_of_order.fetch_add(1, Ordering::Relaxed);
        }
        tells.publish::<_, _, ()>(to, payload).await.ok();
    }
}
