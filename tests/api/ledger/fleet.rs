//! The replicas: processes that are killed and started again, each time at another address.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::support::process::Process;

#[derive(Default)]
pub struct Fleet {
    places: RwLock<Vec<Place>>,
    /// What stands in front of them all, if anything does.
    balancer: OnceLock<String>,
}

struct Place {
    settings: HashMap<&'static str, String>,
    process: Mutex<Option<Process>>,
    address: Option<String>,
}

impl Fleet {
    /// Starts one more; gives back its number.
    pub async fn add(&self, settings: HashMap<&'static str, String>) -> usize {
        let process = Process::serves(&settings).await;
        let address = Some(process.base.clone());
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.push(Place { settings, process: Mutex::new(Some(process)), address });
        places.len() - 1
    }

    /// From now on, who wants any of them asks here.
    pub fn stand_behind(&self, address: String) {
        self.balancer.set(address).expect("one balancer");
    }

    /// Where this one serves, or any of those that do; none while it is away.
    pub fn address(&self, number: Option<usize>) -> Option<String> {
        if let (None, Some(balancer)) = (number, self.balancer.get()) {
            return Some(balancer.clone());
        }
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = number {
            return places[number].address.clone();
        }
        let there: Vec<_> = places.iter().filter_map(|place| place.address.as_ref()).collect();
        (!there.is_empty()).then(|| there[rand::random_range(0..there.len())].clone())
    }

    /// SIGKILL.
    pub async fn kill(&self, number: usize) {
        let Some(mut process) = self.take(number) else { return };
        tokio::task::spawn_blocking(move || process.kill()).await.expect("killed");
    }

    /// SIGTERM; gives back the exit code, and how long it took to end.
    pub async fn terminate(&self, number: usize, patience: Duration) -> (Option<i32>, Duration) {
        let mut process = self.take(number).expect("it runs");
        let start = Instant::now();
        process.signal("TERM");
        (process.ends_within(patience).await, start.elapsed())
    }

    pub async fn start(&self, number: usize) {
        let settings = self.places.read().unwrap_or_else(PoisonError::into_inner)[number].settings.clone();
        let process = Process::serves(&settings).await;
        let place = &mut self.places.write().unwrap_or_else(PoisonError::into_inner)[number];
        place.address = Some(process.base.clone());
        *place.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }

    /// Looks at a process that runs.
    pub fn look<T>(&self, number: usize, at: impl FnOnce(&Process) -> T) -> T {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let process = places[number].process.lock().unwrap_or_else(PoisonError::into_inner);
        at(process.as_ref().expect("it runs"))
    }

    /// What those that run have logged.
    pub fn logs(&self) -> Vec<String> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let log = |place: &Place| Some(place.process.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.log());
        places.iter().filter_map(log).collect()
    }

    fn take(&self, number: usize) -> Option<Process> {
        let place = &mut self.places.write().unwrap_or_else(PoisonError::into_inner)[number];
        place.address = None;
        place.process.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
