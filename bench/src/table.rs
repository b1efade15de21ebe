//! What was found out, for people: one table for all benchmarks.

use std::fmt::Write;

use crate::measure::{Measured, Pair};

const COLUMNS: usize = 7;

/// One line of the table.
pub struct Row {
    pub operation: String,
    /// Ours and the limit, with their units.
    pub ours: String,
    pub limit: String,
    /// Ours to the limit, one for each round.
    pub ratios: Vec<f64>,
    pub goal: Goal,
    /// Microseconds for an operation, ours and the limit's, where they were measured.
    pub cpu: Option<(f64, Option<f64>)>,
}

/// What the median of the ratios has to be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Neither this many times more, nor this many times less.
    Within(f64),
    /// In each round.
    Exactly(f64),
    /// None: for people who want to know.
    Shown,
}

impl Row {
    pub fn plain(operation: impl Into<String>, ours: String, limit: String, ratios: Vec<f64>, goal: Goal) -> Row {
        Row { operation: operation.into(), ours, limit, ratios, goal, cpu: None }
    }

    /// Operations a second.
    pub fn throughput(operation: impl Into<String>, pair: &Pair, goal: Goal) -> Row {
        let (ours, limit, ratios) = pair.figures(Measured::a_second);
        let row = Row::plain(operation, rate(ours), rate(limit), ratios, goal);
        row.with_cpu(pair)
    }

    /// What half of them, or all but one of a hundred, do not exceed.
    pub fn latency(operation: impl Into<String>, pair: &Pair, of: fn(&Measured) -> f64, goal: Goal) -> Row {
        let (ours, limit, ratios) = pair.figures(of);
        let row = Row::plain(operation, format!("{ours:.2} ms"), format!("{limit:.2} ms"), ratios, goal);
        row.with_cpu(pair)
    }

    fn with_cpu(mut self, pair: &Pair) -> Row {
        let (ours, limit, _) = pair.figures(Measured::cpu_micros);
        self.cpu = Some((ours, Some(limit)));
        self
    }

    pub fn holds(&self) -> bool {
        let ratio = median(&self.ratios);
        match self.goal {
            Goal::AtMost(limit) => ratio <= limit,
            Goal::AtLeast(limit) => ratio >= limit,
            Goal::Within(limit) => (1.0 / limit..=limit).contains(&ratio),
            Goal::Exactly(limit) => self.ratios.iter().all(|ratio| *ratio == limit),
            Goal::Shown => true,
        }
    }

    fn cells(&self) -> [String; COLUMNS] {
        let least = self.ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let goal = match self.goal {
            Goal::AtMost(limit) => format!("≤ {limit}"),
            Goal::AtLeast(limit) => format!("≥ {limit}"),
            Goal::Within(limit) => format!("≤ {limit} ×, either"),
            Goal::Exactly(limit) => format!("= {limit}"),
            Goal::Shown => "–".to_owned(),
        };
        [
            self.operation.clone(),
            self.ours.clone(),
            self.limit.clone(),
            format!("{:.2} ({least:.2}–{most:.2})", median(&self.ratios)),
            goal,
            match self.cpu {
                None => String::new(),
                Some((ours, None)) => format!("{ours:.0}"),
                Some((ours, Some(limit))) => format!("{ours:.0}; {limit:.0}"),
            },
            match self.goal {
                Goal::Shown => "–",
                _ if self.holds() => "yes",
                _ => "NO",
            }
            .to_owned(),
        ]
    }
}

/// In Markdown, and in columns as it stands.
pub fn markdown(rows: &[Row]) -> String {
    let head = ["operation; limit", "ours", "limit", "ratio (min–max)", "goal", "CPU-µs", "holds"].map(str::to_owned);
    let cells: Vec<_> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let mut text = String::new();
    for (number, row) in cells.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text += "|\n";
        if number == 0 {
            for width in &widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text += "|\n";
        }
    }
    text
}

/// Such as 72.3 k/s.
fn rate(a_second: f64) -> String {
    match a_second {
        ..1e4 => format!("{a_second:.0}/s"),
        _ => format!("{:.1} k/s", a_second / 1e3),
    }
}

/// The middle one, or the mean of the two in the middle; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        length if length % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_row_and_says_what_holds() {
        let row = |goal| Row::plain("moving", "3 ms".into(), "2 ms".into(), vec![1.5, 1.25, 9.0], goal);
        assert_eq!(
            markdown(&[Row { cpu: Some((12.4, Some(9.0))), ..row(Goal::AtMost(1.5)) }, row(Goal::AtLeast(2.0))]),
            "\
| operation; limit | ours | limit | ratio (min–max)  | goal  | CPU-µs | holds |
|------------------|------|-------|------------------|-------|--------|-------|
| moving           | 3 ms | 2 ms  | 1.50 (1.25–9.00) | ≤ 1.5 | 12; 9  | yes   |
| moving           | 3 ms | 2 ms  | 1.50 (1.25–9.00) | ≥ 2   |        | NO    |
"
        );
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
