//! The floor under the caches: which versions this replica has heard of lately. Nothing older is served any more, from
//! whichever cache it comes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::ids::OrderId;

/// For how long, at least, a version is remembered: longer than anything older can live in a cache.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Readers of different orders should not wait for each other.
const SHARDS: usize = 16;

pub struct Floor {
    shards: [Mutex<Generations>; SHARDS],
}

/// Two generations, each ten seconds long: forgetting is dropping the older one.
struct Generations {
    newer: HashMap<OrderId, i32>,
    older: HashMap<OrderId, i32>,
    begun: Instant,
}

impl Floor {
    pub fn new(now: Instant) -> Floor {
        let generations = || Mutex::new(Generations { newer: HashMap::new(), older: HashMap::new(), begun: now });
        Floor { shards: std::array::from_fn(|_| generations()) }
    }

    /// Notes a version, unless a newer one is known.
    pub fn raise(&self, id: OrderId, version: i32, now: Instant) {
        let mut generations = self.shard(id);
        generations.turn(now);
        let known = generations.newest(id);
        generations.newer.insert(id, known.max(version));
    }

    /// The newest version heard of within the last ten seconds; 0 when there was none.
    pub fn of(&self, id: OrderId, now: Instant) -> i32 {
        let mut generations = self.shard(id);
        generations.turn(now);
        generations.newest(id)
    }

    /// Forgets all versions.
    pub fn clear(&self) {
        for shard in &self.shards {
            let mut generations = shard.lock().unwrap_or_else(PoisonError::into_inner);
            (generations.newer, generations.older) = Default::default();
        }
    }

    fn shard(&self, id: OrderId) -> MutexGuard<'_, Generations> {
        // The IDs are random: any of their characters spreads them evenly.
        let number = id.as_str().bytes().last().unwrap_or_default() as usize % SHARDS;
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn newest(&self, id: OrderId) -> i32 {
        let known = |generation: &HashMap<OrderId, i32>| generation.get(&id).copied().unwrap_or(0);
        known(&self.newer).max(known(&self.older))
    }

    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.begun);
        if age < REMEMBERED {
            return;
        }
        self.older = std::mem::take(&mut self.newer);
        if age >= 2 * REMEMBERED {
            self.older = HashMap::new();
        }
        self.begun = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> OrderId {
        OrderId::parse(text).unwrap()
    }

    #[test]
    fn the_floor_rises_and_never_sinks_within_its_time() {
        let start = Instant::now();
        let (floor, order) = (Floor::new(start), id("7K3M9Q2XTB"));
        assert_eq!(floor.of(order, start), 0);
        floor.raise(order, 4, start);
        floor.raise(order, 3, start);
        assert_eq!(floor.of(order, start), 4, "a late announcement does not lower it");
        assert_eq!(floor.of(id("7K3M9Q2XTC"), start), 0, "another order's is its own");

        floor.raise(order, 5, start + Duration::from_secs(9));
        assert_eq!(floor.of(order, start + Duration::from_secs(18)), 5, "remembered for ten seconds and no less");
        assert_eq!(floor.of(order, start + Duration::from_secs(40)), 0, "and not for ever");
        floor.raise(order, 6, start + Duration::from_secs(41));
        floor.clear();
        assert_eq!(floor.of(order, start + Duration::from_secs(41)), 0);
    }

    #[test]
    fn an_older_announcement_in_a_new_generation_does_not_hide_a_newer_one() {
        let start = Instant::now();
        let (floor, order) = (Floor::new(start), id("7K3M9Q2XTB"));
        floor.raise(order, 9, start + Duration::from_secs(8));
        floor.raise(order, 7, start + Duration::from_secs(12));
        assert_eq!(floor.of(order, start + Duration::from_secs(13)), 9);
    }
}
