//! The public view of one order: its JSON, its ETag, and its form in Redis.

use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::event::PublicEvent;
use crate::domain::ids::OrderId;
use crate::domain::status::Status;
use crate::domain::time::to_millis;
use crate::error::{Error, Result};
use crate::storage::tracking::PublicRecord;

/// An order's public view, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Of the order's newest event, public or not; it decides what is newer, and is told to nobody.
    pub version: i32,
    /// JSON, the contract's `PublicOrder`.
    pub bytes: Bytes,
    /// With its quotes; ready to be sent, too.
    pub etag: HeaderValue,
    /// When the database was asked.
    read_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct PublicOrder<'a> {
    order_id: OrderId,
    status: Status,
    /// Of the newest public event.
    version: i32,
    #[serde(serialize_with = "to_millis")]
    created_at: DateTime<Utc>,
    /// When the newest public event was recorded: private ones leave no trace.
    #[serde(serialize_with = "to_millis")]
    updated_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    due_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "to_millis")]
    estimated_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "to_millis")]
    completed_at: Option<DateTime<Utc>>,
    events: &'a [PublicEvent<'static>],
}

impl View {
    pub fn render(id: OrderId, record: &PublicRecord, read_at: DateTime<Utc>) -> Result<View> {
        let newest = record.events.last().ok_or_else(|| Error::Internal(format!("order {id} has no public event")))?;
        let order = PublicOrder {
            order_id: id,
            status: newest.status,
            version: newest.version,
            created_at: record.created_at,
            updated_at: record.recorded_at,
            due_at: record.due_at,
            estimated_at: record.estimated_at,
            completed_at: record.completed_at,
            events: &record.events,
        };
        let json = serde_json::to_vec(&order).map_err(|error| Error::Internal(error.to_string()))?;
        View::new(record.version, read_at, json.into()).ok_or_else(|| Error::Internal("a malformed ETag".to_owned()))
    }

    fn new(version: i32, read_at: DateTime<Utc>, bytes: Bytes) -> Option<View> {
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        // 64 bits: enough that two states of one order never share a tag; and the same on all replicas of one build.
        let etag = HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())).ok()?;
        Some(View { version, bytes, etag, read_at })
    }

    /// As it stands in Redis: `version read_at_in_milliseconds json`.
    pub fn to_stored(&self) -> Vec<u8> {
        let mut stored = format!("{} {} ", self.version, self.read_at.timestamp_millis()).into_bytes();
        stored.extend_from_slice(&self.bytes);
        stored
    }

    /// Reads it back. None of what is malformed, or was read longer than `fresh` ago: however late a stalled link
    /// delivers a value, it is not used any more.
    pub fn from_stored(stored: Vec<u8>, now: DateTime<Utc>, fresh: Duration) -> Option<View> {
        let stored = Bytes::from(stored);
        let mut parts = stored.splitn(3, |&byte| byte == b' ');
        let version = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let millis = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let json = parts.next().filter(|json| json.starts_with(b"{"))?;
        let read_at = DateTime::from_timestamp_millis(millis)?;
        if now.signed_duration_since(read_at).abs().to_std().ok()? > fresh {
            return None;
        }
        View::new(version, read_at, stored.slice_ref(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Duration = Duration::from_secs(2);

    #[test]
    fn a_stored_view_comes_back_as_it_was() {
        let now = DateTime::from_timestamp_millis(1_800_000_000_123).unwrap();
        let view = View::new(7, now, Bytes::from_static(b"{\"message\":\"a b c\"}")).unwrap();
        assert_eq!(View::from_stored(view.to_stored(), now, FRESH), Some(view.clone()));
        assert_eq!(view.etag.len(), 18);
    }

    #[test]
    fn what_is_too_old_or_malformed_is_not_used() {
        let now = DateTime::from_timestamp_millis(1_800_000_000_123).unwrap();
        let view = View::new(7, now, Bytes::from_static(b"{}")).unwrap();
        assert_eq!(View::from_stored(view.to_stored(), now + FRESH * 2, FRESH), None, "delivered late");
        for malformed in ["", "7", "7 x {}", "x 1 {}", "7 1800000000123 ", "{}"] {
            assert_eq!(View::from_stored(malformed.as_bytes().to_vec(), now, FRESH), None, "{malformed:?}");
        }
    }
}
