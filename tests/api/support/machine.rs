//! The machine below, which others use, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(10);

/// Notices when everything stands still, as a shared machine does now and then for a second or two: no promise of ours can be
/// kept meanwhile. A server that is merely slow holds this thread up no more than any other.
pub struct Machine {
    longest: Arc<AtomicU64>,
}

impl Machine {
    /// From now on, until it is dropped.
    pub fn watch() -> Machine {
        let longest = Arc::new(AtomicU64::new(0));
        let watched = Arc::downgrade(&longest);
        std::thread::spawn(move || {
            loop {
                let since = Instant::now();
                std::thread::sleep(TICK);
                let late = since.elapsed().saturating_sub(TICK);
                let Some(longest) = watched.upgrade() else { break };
                longest.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
            }
        });
        Machine { longest }
    }

    /// The longest that it has stood still.
    pub fn stood_still(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }
}
