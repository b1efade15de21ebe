//! What a load came to, and the comparison of two of them, turn by turn.

use std::time::Duration;

use crate::Result;
use crate::table::median;

/// One turn of a load.
#[derive(Debug, Clone)]
pub struct Measured {
    pub operations: u64,
    pub took: Duration,
    pub p50: Duration,
    pub p99: Duration,
    /// CPU time of all that served it: the server, Postgres and Redis, not the load generator.
    pub cpu: Duration,
    /// How many the server refused as too much, beside the operations.
    pub refused: u64,
}

impl Measured {
    pub fn a_second(&self) -> f64 {
        self.operations as f64 / self.took.as_secs_f64()
    }

    pub fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.operations.max(1) as f64
    }

    pub fn p50_ms(&self) -> f64 {
        self.p50.as_secs_f64() * 1e3
    }

    pub fn p99_ms(&self) -> f64 {
        self.p99.as_secs_f64() * 1e3
    }
}

/// Microseconds, one for each operation.
#[derive(Debug, Clone, Default)]
pub struct Micros(pub Vec<u32>);

impl Micros {
    pub fn add(&mut self, duration: Duration) {
        self.0.push(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX));
    }

    /// What this part of all does not exceed; zero of nothing.
    pub fn percentile(&mut self, part: f64) -> Duration {
        self.0.sort_unstable();
        let place = (self.0.len() as f64 * part).ceil() as usize;
        let micros = self.0.get(place.saturating_sub(1)).copied().unwrap_or(0);
        Duration::from_micros(u64::from(micros))
    }

    pub fn into_measured(mut self, took: Duration, cpu: Duration) -> Measured {
        let operations = self.0.len() as u64;
        Measured { operations, took, p50: self.percentile(0.5), p99: self.percentile(0.99), cpu, refused: 0 }
    }
}

/// Turns of two loads, A, B, B, A.
pub struct Pair {
    pub ours: Vec<Measured>,
    pub limit: Vec<Measured>,
}

/// Runs both, turn by turn, after one turn each that does not count.
pub async fn compare(
    rounds: usize,
    mut ours: impl AsyncFnMut() -> Result<Measured>,
    mut limit: impl AsyncFnMut() -> Result<Measured>,
) -> Result<Pair> {
    ours().await?;
    limit().await?;
    let mut pair = Pair { ours: Vec::new(), limit: Vec::new() };
    for round in 0..rounds {
        // Whatever drifts hits both alike.
        if round % 2 == 0 {
            pair.ours.push(ours().await?);
            pair.limit.push(limit().await?);
        } else {
            pair.limit.push(limit().await?);
            pair.ours.push(ours().await?);
        }
    }
    Ok(pair)
}

impl Pair {
    /// One quantity of ours and of the limit, and their ratios, round by round.
    pub fn figures(&self, of: fn(&Measured) -> f64) -> (f64, f64, Vec<f64>) {
        let (ours, limit): (Vec<f64>, Vec<f64>) =
            (self.ours.iter().map(of).collect(), self.limit.iter().map(of).collect());
        let ratios = ours.iter().zip(&limit).map(|(ours, limit)| ours / limit).collect();
        (median(&ours), median(&limit), ratios)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let mut micros = Micros((1..=200).rev().collect());
        assert_eq!(micros.percentile(0.5), Duration::from_micros(100));
        assert_eq!(micros.percentile(0.99), Duration::from_micros(198));
        assert_eq!(Micros::default().percentile(0.5), Duration::ZERO);
    }
}
