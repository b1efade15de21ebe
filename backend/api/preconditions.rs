//! If-Match and If-None-Match (RFC 9110, 13.1).

use actix_web::HttpRequest;
use actix_web::http::header::{IF_MATCH, IF_NONE_MATCH};

use crate::error::{Error, Result};

/// The version that If-Match names; none without the header, or for `*`. A well-formed ETag that is none of ours names a
/// version that no order has.
pub fn expected_version(request: &HttpRequest) -> Result<Option<i32>> {
    let Some(value) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let value = value.to_str().map_err(|_| Error::InvalidIfMatch)?;
    version_in(value.trim())
}

/// Does the client have this state already? The comparison is the weak one; no tag of ours has a comma in it.
pub fn has_current(request: &HttpRequest, etag: &str) -> bool {
    request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).any(|list| names(list, etag))
}

fn version_in(value: &str) -> Result<Option<i32>> {
    const NO_VERSION: i32 = -1;
    if value == "*" {
        return Ok(None);
    }
    let (tag, is_weak) = value.strip_prefix("W/").map_or((value, false), |tag| (tag, true));
    let tag = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Error::InvalidIfMatch)?;
    if tag.contains('"') {
        return Err(Error::InvalidIfMatch);
    }
    // Weak tags never match, and only one spelling of a number is ours.
    let version = tag.parse().ok().filter(|version: &i32| !is_weak && version.to_string() == tag);
    Ok(Some(version.unwrap_or(NO_VERSION)))
}

fn names(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_none_match_is_compared_weakly_and_in_lists() {
        let etag = "\"abc\"";
        for header in ["\"abc\"", "W/\"abc\"", "*", "\"x\", \"abc\"", "\"x\",W/\"abc\" , \"y\""] {
            assert!(names(header, etag), "{header}");
        }
        for header in ["", "abc", "\"abd\"", "\"ab\"", "w/\"abc\"", "\"a\"\"abc\""] {
            assert!(!names(header, etag), "{header}");
        }
    }

    #[test]
    fn if_match_names_a_version_or_none_that_an_order_has() {
        assert_eq!(version_in("*").unwrap(), None);
        assert_eq!(version_in("\"4\"").unwrap(), Some(4));
        for other in ["W/\"4\"", "\"04\"", "\"+4\"", "\"x\"", "\"\"", "\"99999999999\""] {
            assert_eq!(version_in(other).unwrap(), Some(-1), "{other}");
        }
        for malformed in ["4", "\"4", "4\"", "", "\"4\", \"5\""] {
            assert!(matches!(version_in(malformed), Err(Error::InvalidIfMatch)), "{malformed}");
        }
    }
}
