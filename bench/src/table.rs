//! What was found out, for people: one table for all benchmarks.

use std::fmt::Write;

/// One line of the table.
pub struct Row {
    pub operation: String,
    /// Ours and the limit, with their units.
    pub ours: String,
    pub limit: String,
    /// Ours to the limit, one for each round.
    pub ratios: Vec<f64>,
    pub goal: Goal,
}

/// What the median of the ratios has to be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    pub fn holds(&self) -> bool {
        let ratio = median(&self.ratios);
        match self.goal {
            Goal::AtMost(limit) => ratio <= limit,
            Goal::AtLeast(limit) => ratio >= limit,
        }
    }

    fn cells(&self) -> [String; 6] {
        let least = self.ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let goal = match self.goal {
            Goal::AtMost(limit) => format!("≤ {limit}"),
            Goal::AtLeast(limit) => format!("≥ {limit}"),
        };
        [
            self.operation.clone(),
            self.ours.clone(),
            self.limit.clone(),
            format!("{:.2} ({least:.2}–{most:.2})", median(&self.ratios)),
            goal,
            if self.holds() { "yes" } else { "NO" }.to_owned(),
        ]
    }
}

/// In Markdown, and in columns as it stands.
pub fn markdown(rows: &[Row]) -> String {
    let head = ["operation", "ours", "limit", "ratio (min–max)", "goal", "holds"].map(str::to_owned);
    let cells: Vec<_> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
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
        let row = |goal| Row {
            operation: "moving".into(),
            ours: "3 ms".into(),
            limit: "2 ms".into(),
            ratios: vec![1.5, 1.25, 9.0],
            goal,
        };
        assert_eq!(
            markdown(&[row(Goal::AtMost(1.5)), row(Goal::AtLeast(2.0))]),
            "\
| operation | ours | limit | ratio (min–max)  | goal  | holds |
|-----------|------|-------|------------------|-------|-------|
| moving    | 3 ms | 2 ms  | 1.50 (1.25–9.00) | ≤ 1.5 | yes   |
| moving    | 3 ms | 2 ms  | 1.50 (1.25–9.00) | ≥ 2   | NO    |
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
