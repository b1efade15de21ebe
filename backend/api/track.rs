//! `GET /track/{id}`: what whoever holds the ID may see.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::domain::ids::OrderId;
use crate::error::{Error, Result};
use crate::server::App;

/// For GET and HEAD.
pub async fn show(app: Data<App>, id: Path<String>, request: HttpRequest) -> Result<HttpResponse> {
    let id = OrderId::parse(&id).ok_or(Error::NotFound)?;
    let view = app.track.view(id).await?;
    let known = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let is_known = names(known, &view.etag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, view.etag.as_str())).insert_header((CACHE_CONTROL, "no-cache"));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.insert_header((CONTENT_TYPE, "application/json")).body(view.bytes.clone()))
}

/// Is the tag among those that the client has? The comparison is the weak one (RFC 9110, 13.1.2); no tag of ours has a
/// comma in it.
fn names<'a>(mut known: impl Iterator<Item = &'a str>, etag: &str) -> bool {
    known.any(|list| {
        list.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn tags_are_compared_weakly_and_in_lists() {
        let tag = "\"abc\"";
        for header in ["\"abc\"", "W/\"abc\"", "*", "\"x\", \"abc\"", "\"x\",W/\"abc\" , \"y\""] {
            assert!(names([header].into_iter(), tag), "{header}");
        }
        for header in ["", "abc", "\"abd\"", "\"ab\"", "w/\"abc\"", "\"a\"\"abc\""] {
            assert!(!names([header].into_iter(), tag), "{header}");
        }
        assert!(names(["\"x\"", "\"abc\""].into_iter(), tag), "several headers");
    }
}
