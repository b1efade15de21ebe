//! The machine below, which others use, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(10);

/// Notices when everything stands still, as a shared machine does now and then for a second or two: no promise of ours can be
/// kept meanwhile. A server that is merely slow holds this thread up no more than any other.
pub struct Machine {
    start: Instant,
    ticks: Arc<Ticks>,
}

/// In microseconds.
#[derive(Default)]
struct Ticks {
    /// Since the start.
    last: AtomicU64,
    longest_delay: AtomicU64,
}

impl Machine {
    /// From now on, until it is dropped.
    pub fn watch() -> Machine {
        let (start, ticks) = (Instant::now(), Arc::new(Ticks::default()));
        let watched = Arc::downgrade(&ticks);
        std::thread::spawn(move || {
            while let Some(ticks) = watched.upgrade() {
                ticks.longest_delay.fetch_max(ticks.delay(start), Ordering::Relaxed);
                ticks.last.store(start.elapsed().as_micros() as u64, Ordering::Relaxed);
                drop(ticks);
                std::thread::sleep(TICK);
            }
        });
        Machine { start, ticks }
    }

    /// The longest that it has stood still.
    pub fn stood_still(&self) -> Duration {
        // Whoever asks may have been woken before the watching thread was.
        let delay = self.ticks.delay(self.start);
        Duration::from_micros(delay.max(self.ticks.longest_delay.load(Ordering::Relaxed)))
    }
}

impl Ticks {
    /// How late the next one is already.
    fn delay(&self, start: Instant) -> u64 {
        let since_last = (start.elapsed().as_micros() as u64).saturating_sub(self.last.load(Ordering::Relaxed));
        since_last.saturating_sub(TICK.as_micros() as u64)
    }
}
