//! How long things took: counts in steps of a tenth of a millisecond, which processes can add up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const STEP_NS: u64 = 100_000;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delays(BTreeMap<u32, u64>);

impl Delays {
    pub fn add_one(&mut self, nanoseconds: u64) {
        *self.0.entry(u32::try_from(nanoseconds / STEP_NS).unwrap_or(u32::MAX)).or_default() += 1;
    }

    pub fn add(&mut self, other: &Delays) {
        for (step, count) in &other.0 {
            *self.0.entry(*step).or_default() += count;
        }
    }

    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// What this part of all, such as 0.99, does not exceed, in milliseconds; 0 of nothing.
    pub fn percentile_ms(&self, part: f64) -> f64 {
        let wanted = (self.count() as f64 * part).ceil() as u64;
        let mut counted = 0;
        for (step, count) in &self.0 {
            counted += count;
            if counted >= wanted {
                // The end of the step: what lies in it is at most this.
                return (f64::from(*step) + 1.0) * STEP_NS as f64 / 1e6;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ends_of_steps() {
        let mut delays = Delays::default();
        assert_eq!(delays.percentile_ms(0.99), 0.0);
        for millisecond in 0..100 {
            delays.add_one(millisecond * 1_000_000);
        }
        assert!((delays.percentile_ms(0.5) - 49.1).abs() < 1e-9);
        assert!((delays.percentile_ms(0.99) - 98.1).abs() < 1e-9);
        assert!((delays.percentile_ms(1.0) - 99.1).abs() < 1e-9);
        let mut more = Delays::default();
        more.add_one(5_000_000_000);
        delays.add(&more);
        assert_eq!(delays.count(), 101);
        assert!((delays.percentile_ms(1.0) - 5000.1).abs() < 1e-9);
    }
}
