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
    if text.chars().all(is_invisible) {
        Err(Flaw::TooShort { min: 1, unit: "characters" })
    } else if text.chars().count() > max {
        Err(Flaw::TooLong { max, unit: "characters" })
    } else if text.chars().any(|c| refused(c) || misleads(c)) {
        Err(Flaw::InvalidCharacters)
    } else {
        Ok(text.to_owned())
    }
}

/// Joiners, which stand between letters of some scripts and in emoji, but alone show nothing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0f}') || c.is_whitespace()
}

/// What nobody sees, or what turns the order of the letters around it: two texts that look the same are the same.
fn misleads(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
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

    #[test]
    fn what_nobody_sees_is_no_text() {
        assert_eq!(line("\u{200d}\u{200d}", 9), Err(Flaw::TooShort { min: 1, unit: "characters" }));
        for misleading in ["kim\u{200b}", "\u{202e}kim", "k\u{2067}im", "\u{feff}kim"] {
            assert_eq!(line(misleading, 9), Err(Flaw::InvalidCharacters), "{misleading:?}");
        }
        assert!(line("می\u{200c}خواهم", 9).is_ok() && line("👩\u{200d}🚒", 9).is_ok());
    }
}
