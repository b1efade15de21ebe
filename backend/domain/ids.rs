//! The order ID: ten characters of Crockford's base 32.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Ten characters out of [`OrderId::ALPHABET`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OrderId([u8; 10]);

impl OrderId {
    pub const LENGTH: usize = 10;
    /// Crockford's base 32 (<https://www.crockford.com/base32.html>): no I, L, O or U, which are misread or make words.
    pub const ALPHABET: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M', 'N',
        'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
    ];

    /// Reads what a person typed: lower case, spaces and hyphens, `O` for `0`, `I` and `L` for `1` are understood.
    pub fn parse(typed: &str) -> Option<OrderId> {
        let mut id = [0u8; Self::LENGTH];
        let mut length = 0;
        for c in typed.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let c = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if length == Self::LENGTH || !Self::ALPHABET.contains(&c) {
                return None;
            }
            id[length] = c as u8;
            length += 1;
        }
        (length == Self::LENGTH).then_some(OrderId(id))
    }

    pub fn as_str(&self) -> &str {
        // The alphabet is ASCII, and nothing else gets in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The exact form only, as it stands in the database and in announcements.
impl TryFrom<String> for OrderId {
    type Error = InvalidOrderId;
    fn try_from(exact: String) -> Result<Self, Self::Error> {
        OrderId::parse(&exact).filter(|id| id.as_str() == exact).ok_or(InvalidOrderId)
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> String {
        id.as_str().to_owned()
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("not an order ID")]
pub struct InvalidOrderId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_forgiving() {
        let id = OrderId::parse("7K3M9Q2XTB").unwrap();
        for typed in ["7k3m9q2xtb", "7K3M9-Q2XTB", " 7k3 m9q 2xtb "] {
            assert_eq!(OrderId::parse(typed), Some(id), "{typed}");
        }
        assert_eq!(OrderId::parse("OIL0000000").unwrap().as_str(), "0110000000");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for typed in ["", "7K3M9Q2XT", "7K3M9Q2XTBB", "7K3M9Q2XTU", "7K3M9Q2XT\0", "7K3M9Q2XTé", "7K3M9Q2XT_"] {
            assert_eq!(OrderId::parse(typed), None, "{typed:?}");
        }
        assert!(OrderId::try_from("7k3m9q2xtb".to_owned()).is_err(), "stored IDs are exact");
    }
}
