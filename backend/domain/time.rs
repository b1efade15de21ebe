//! Times as JSON.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

/// RFC 3339 in UTC, always with three digits behind the seconds: texts then sort as the times do, and one format reads
/// them all. chrono's own way leaves the digits out at each full second. Takes optional times, too, whose None is null.
///
/// # Errors
/// The serializer's.
pub fn to_millis<S: Serializer>(
    time: &(impl Copy + Into<Option<DateTime<Utc>>>),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match (*time).into() {
        Some(time) => serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    struct Times {
        #[serde(serialize_with = "to_millis")]
        at: DateTime<Utc>,
        #[serde(serialize_with = "to_millis")]
        until: Option<DateTime<Utc>>,
    }

    #[test]
    fn texts_sort_as_the_times_do() {
        let text = |millis, until: Option<i64>| {
            let at = |millis| DateTime::from_timestamp_millis(millis).unwrap();
            serde_json::to_string(&Times { at: at(millis), until: until.map(at) }).unwrap()
        };
        assert_eq!(text(1_000, None), r#"{"at":"1970-01-01T00:00:01.000Z","until":null}"#);
        assert_eq!(text(1_003, Some(1_000)), r#"{"at":"1970-01-01T00:00:01.003Z","until":"1970-01-01T00:00:01.000Z"}"#);
        assert!(text(1_000, None) < text(1_003, None));
    }
}
