//! The token of an invitation, and the link that carries it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 32 random bytes in base64url.
pub fn new_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// Where somebody joins with a token. It is a fragment, which browsers don't send: it reaches no log.
pub fn link(public_url: &str, token: &str) -> String {
    format!("{public_url}/movers/join#{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, other) = (new_token(), new_token());
        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
        assert_eq!(link("https://track.example", "abc"), "https://track.example/movers/join#abc");
    }
}
