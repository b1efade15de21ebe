//! As much of RFC 6455 as a client needs that reads what these two servers send: text and control frames, none of them
//! in pieces. And what an event's text says, read without taking it apart: ten thousand of them come at once.

use chrono::DateTime;
use memchr::memmem;
use serde::Deserialize;

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// The key is the RFC's example (1.3), and so is what the server has to make of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub fn upgrade(host: impl std::fmt::Display, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

/// Whether this is the answer to [`upgrade`], which ends with an empty line.
pub fn is_upgraded(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    lines.next().is_some_and(|status| status.starts_with("HTTP/1.1 101 "))
        && lines.any(|line| {
            let (name, value) = line.split_once(':').unwrap_or_default();
            name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == ACCEPT
        })
}

/// A short frame, masked with zeros: nothing between us and the server could mistake it for anything.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..=125) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend((payload.len() as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[derive(Debug, PartialEq)]
pub struct Frame<'a> {
    pub opcode: u8,
    pub payload: &'a [u8],
}

#[derive(Debug, PartialEq)]
pub struct Malformed;

/// The first frame and its length, or none while it is incomplete.
pub fn first(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Malformed> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    let is_known = matches!(first & 0xf, TEXT | CLOSE | PING | PONG);
    let is_masked = second & 0x80 != 0;
    // All bits but the opcode's: final, and nothing that nobody has agreed upon.
    if first & 0xf0 != 0x80 || !is_known || is_masked {
        return Err(Malformed);
    }
    let (length, extended) = match second {
        126 => (rest.first_chunk().map(|length| u64::from(u16::from_be_bytes(*length))), 2),
        127 => (rest.first_chunk().map(|length| u64::from_be_bytes(*length)), 8),
        short => (Some(u64::from(short)), 0),
    };
    let Some(length) = length else { return Ok(None) };
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(extended)).ok_or(Malformed)?;
    let Some(payload) = rest.get(extended..end) else { return Ok(None) };
    Ok(Some((Frame { opcode: first & 0xf, payload }, 2 + end)))
}

#[derive(Debug, PartialEq)]
pub enum Text<'a> {
    /// With the time in it, as it stands there.
    Event {
        version: i32,
        at: &'a [u8],
    },
    /// With the versions of the events in it.
    Subscribed(Vec<i32>),
    Authenticated,
    Heartbeat,
    /// Of the protocol, but nothing that should come here.
    Other,
}

/// None for what is not of the protocol.
pub fn read(text: &[u8]) -> Option<Text<'_>> {
    if text.starts_with(br#"{"type":"event""#) {
        // In JSON, no quotes stand within a value: these are keys.
        let digits = after(text, br#""version":"#)?;
        let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        let version = std::str::from_utf8(&digits[..end]).ok()?.parse().ok()?;
        let at = after(text, br#""occurred_at":""#)?;
        let end = at.iter().position(|byte| *byte == b'"')?;
        return Some(Text::Event { version, at: &at[..end] });
    }
    match serde_json::from_slice(text).ok()? {
        Rare::Heartbeat => Some(Text::Heartbeat),
        Rare::Subscribed { events } => {
            Some(Text::Subscribed(events.iter().map(|event: &EventsVersion| event.version).collect()))
        }
        Rare::Authenticated => Some(Text::Authenticated),
        Rare::Unsubscribed | Rare::Error | Rare::Gone | Rare::Resync => Some(Text::Other),
    }
}

fn after<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    memmem::find(text, key).map(|at| &text[at + key.len()..])
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Rare {
    Heartbeat,
    Subscribed {
        /// There are none on `orders`.
        #[serde(default)]
        events: Vec<EventsVersion>,
    },
    Authenticated,
    Unsubscribed,
    Error,
    Gone,
    Resync,
}

#[derive(Deserialize)]
struct EventsVersion {
    version: i32,
}

/// Reads times; mostly it is the same as the last one.
#[derive(Default)]
pub struct Clock {
    last: Vec<u8>,
    nanoseconds: Option<u64>,
}

impl Clock {
    /// Nanoseconds since 1970.
    pub fn read(&mut self, text: &[u8]) -> Option<u64> {
        if self.last != text {
            let time = std::str::from_utf8(text).ok().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            self.nanoseconds = time.and_then(|time| u64::try_from(time.timestamp_nanos_opt()?).ok());
            text.clone_into(&mut self.last);
        }
        self.nanoseconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"type":"event","topic":"track:7K3M9Q2XTB","event":{"version":21,"previous_version":20,"type":"order.noted","status":"started","reason":null,"message":"hello","location":null,"estimated_at":null,"occurred_at":"2027-01-15T08:00:00.123Z"}}"#;

    fn frame(opcode: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        match length {
            0..=125 => frame.push(length as u8),
            126..=65535 => frame.extend([&[126], &(length as u16).to_be_bytes()[..]].concat()),
            _ => frame.extend([&[127], &(length as u64).to_be_bytes()[..]].concat()),
        }
        frame.extend(std::iter::repeat_n(b'x', length));
        frame
    }

    #[test]
    fn frames_are_read_when_they_are_complete_and_not_before() {
        for length in [0, 1, 125, 126, 127, 300, 65535, 65536, 70000] {
            let whole = frame(TEXT, length);
            for cut in (0..whole.len()).filter(|cut| *cut < 12 || *cut + 12 > whole.len()) {
                assert_eq!(first(&whole[..cut]), Ok(None), "{cut} of {length}");
            }
            let followed = [whole.clone(), frame(PING, 3)].concat();
            let (read, taken) = first(&followed).unwrap().unwrap();
            assert_eq!((read.opcode, read.payload.len(), taken), (TEXT, length, whole.len()));
            assert_eq!(first(&followed[taken..]).unwrap().unwrap().0.opcode, PING);
        }
    }

    #[test]
    fn what_no_server_of_ours_sends_is_malformed() {
        for bytes in [[0x01, 0x01], [0x80, 0x01], [0x82, 0x01], [0x81, 0x81], [0xc1, 0x01], [0x83, 0x01]] {
            assert_eq!(first(&bytes), Err(Malformed), "{bytes:?}");
        }
        assert_eq!(first(&[0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]), Err(Malformed));
    }

    #[test]
    fn an_events_version_and_time_are_read() {
        assert_eq!(
            read(EVENT.as_bytes()),
            Some(Text::Event { version: 21, at: b"2027-01-15T08:00:00.123Z" }),
            "not the previous one's"
        );
        let mut clock = Clock::default();
        assert_eq!(clock.read(b"2027-01-15T08:00:00.123Z"), Some(1_800_000_000_123_000_000));
        assert_eq!(clock.read(b"2027-01-15T08:00:00.123Z"), Some(1_800_000_000_123_000_000));
        assert_eq!(clock.read(b"2027-01-15T08:00:00Z"), Some(1_800_000_000_000_000_000));
        assert_eq!(clock.read(b"yesterday"), None);
    }

    #[test]
    fn the_rest_of_the_protocol_is_told_apart_from_nonsense() {
        let subscribed =
            br#"{"type":"subscribed","topic":"track:7K3M9Q2XTB","version":3,"events":[{"version":2},{"version":3}]}"#;
        assert_eq!(read(subscribed), Some(Text::Subscribed(vec![2, 3])));
        assert_eq!(read(br#"{"type":"subscribed","topic":"orders"}"#), Some(Text::Subscribed(vec![])));
        assert_eq!(read(br#"{"type":"heartbeat"}"#), Some(Text::Heartbeat));
        assert_eq!(read(br#"{"type":"error","code":"not_found","detail":"There is nothing"}"#), Some(Text::Other));
        for nonsense in ["", "{}", r#"{"type":"event"}"#, r#"{"type":"event","event":{"version":x}}"#, "[1]"] {
            assert_eq!(read(nonsense.as_bytes()), None, "{nonsense}");
        }
    }

    #[test]
    fn an_upgrade_is_believed_only_with_the_key() {
        let answer = |accept| format!("HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: {accept}\r\n\r\n");
        assert!(is_upgraded(answer(ACCEPT).as_bytes()));
        assert!(!is_upgraded(answer("other").as_bytes()));
        assert!(!is_upgraded(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"));
    }

    #[test]
    fn what_a_client_sends_is_masked() {
        assert_eq!(masked(TEXT, b"hi"), [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
        assert_eq!(masked(TEXT, &[b'x'; 300])[..8], [0x81, 0xfe, 1, 44, 0, 0, 0, 0]);
    }
}
