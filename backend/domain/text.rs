//! What may stand in a text field.

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    TooShort {
        min: usize,
        unit: &'static str,
    },
    TooLong {
        max: usize,
        unit: &'static str,
    },
    InvalidCharacters,
    /// What it should have been.
    InvalidFormat(&'static str),
}

/// One line of at most `max` characters: trimmed, not empty, no control characters.
pub fn line(typed: &str, max: usize) -> Result<String, Flaw> {
    checked(typed, max, |c| c.is_control())
}

/// Several lines of at most `max` characters together: trimmed, not empty, no control characters but line ends and tabs.
pub fn paragraph(typed: &str, max: usize) -> Result<String, Flaw> {
    checked(typed, max, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn checked(typed: &str, max: usize, refused: impl Fn(char) -> bool) -> Result<String, Flaw> {
    let text = typed.trim();
    if text.is_empty() {
        Err(Flaw::TooShort { min: 1, unit: "characters" })
    } else if text.chars().count() > max {
        Err(Flaw::TooLong { max, unit: "characters" })
    } else if text.chars().any(refused) {
        Err(Flaw::InvalidCharacters)
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_characters_after_trimming() {
        assert_eq!(line("  éé  ", 2), Ok("éé".to_owned()));
        assert_eq!(line("ééé", 2), Err(Flaw::TooLong { max: 2, unit: "characters" }));
        assert_eq!(line(" \t ", 2), Err(Flaw::TooShort { min: 1, unit: "characters" }));
    }

    #[test]
    fn control_characters_are_refused() {
        assert_eq!(line("a\0b", 9), Err(Flaw::InvalidCharacters));
        assert_eq!(line("a\nb", 9), Err(Flaw::InvalidCharacters));
        assert_eq!(paragraph("a\n\tb", 9), Ok("a\n\tb".to_owned()));
        assert_eq!(paragraph("a\u{1b}b", 9), Err(Flaw::InvalidCharacters));
    }
}
