//! Cursors: where the next page of a list begins, opaque to clients and bound to the list they came from.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::keys::{HmacSha256, keyed_for};
use crate::error::{Error, Result};

/// Enough to notice that somebody tried: a cursor guards no secret, the handler still asks who may see what.
const MAC_LENGTH: usize = 12;

/// The cursors of one list: base64url of a position in JSON and of the first bytes of its HMAC-SHA256.
pub struct Cursors {
    mac: HmacSha256,
}

impl Cursors {
    /// `list` names the list; `filters` is all that decides what is in it and in which order (the caller too, when the
    /// list is the caller's own). A cursor of another list, or of this one with other filters, does not open.
    pub fn new(secret: &SecretString, list: &str, filters: &impl Serialize) -> Cursors {
        Cursors { mac: keyed_for(secret, [b"cursor", list.as_bytes(), &json(filters)]) }
    }

    /// A cursor for a position, such as the sort key of a page's last row.
    pub fn seal(&self, position: &impl Serialize) -> String {
        let mut sealed = json(position);
        let mac = self.mac.clone().chain_update(&sealed).finalize().into_bytes();
        sealed.extend_from_slice(&mac[..MAC_LENGTH]);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The position in a cursor; anything that `seal` did not make for this list is [`Error::InvalidCursor`].
    pub fn open<T: DeserializeOwned>(&self, cursor: &str) -> Result<T> {
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Error::InvalidCursor)?;
        let (position, mac) = sealed
            .len()
            .checked_sub(MAC_LENGTH)
            .and_then(|length| sealed.split_at_checked(length))
            .ok_or(Error::InvalidCursor)?;
        self.mac.clone().chain_update(position).verify_truncated_left(mac).map_err(|_| Error::InvalidCursor)?;
        serde_json::from_slice(position).map_err(|_| Error::InvalidCursor)
    }
}

/// Keys and filters are plain data, which always has a JSON form; if one had none, its cursors would not open.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn cursors(list: &str, filters: &[&str]) -> Cursors {
        Cursors::new(&SecretString::from("0123456789abcdef0123456789abcdef"), list, &filters)
    }

    #[test]
    fn what_was_sealed_opens() {
        let position = (Uuid::now_v7(), "2026-11-22T10:20:30.123Z".to_owned());
        let cursor = cursors("orders", &["created"]).seal(&position);
        assert_eq!(cursors("orders", &["created"]).open::<(Uuid, String)>(&cursor).unwrap(), position);
    }

    #[test]
    fn another_list_other_filters_and_other_secrets_do_not_open_it() {
        let cursor = cursors("orders", &["created"]).seal(&7);
        let other_secret =
            Cursors::new(&SecretString::from("another secret of at least 32 bytes"), "orders", &["created"]);
        for other in
            [cursors("movers", &["created"]), cursors("orders", &["due"]), cursors("orders", &[]), other_secret]
        {
            assert!(matches!(other.open::<i32>(&cursor), Err(Error::InvalidCursor)));
        }
    }

    #[test]
    fn tampering_is_noticed() {
        let list = cursors("orders", &[]);
        let cursor = list.seal(&Uuid::now_v7());
        for at in 0..cursor.len() {
            let mut tampered = cursor.clone().into_bytes();
            tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
            let tampered = String::from_utf8(tampered).unwrap();
            assert!(matches!(list.open::<Uuid>(&tampered), Err(Error::InvalidCursor)), "at {at}");
        }
        for garbage in ["", "A", "not a cursor", "AAAAAAAAAAAAAAAAAAAAAAAA", &cursor[1..], &format!("{cursor}=")] {
            assert!(matches!(list.open::<Uuid>(garbage), Err(Error::InvalidCursor)), "{garbage:?}");
        }
        // Sealed by us, but for a position of another shape.
        assert!(matches!(list.open::<i32>(&cursor), Err(Error::InvalidCursor)));
    }
}
