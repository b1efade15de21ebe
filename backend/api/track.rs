//! `GET /track/{id}`: what whoever holds the ID may see.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::preconditions;
use crate::domain::ids::OrderId;
use crate::error::{Error, Result};
use crate::server::App;

/// What is answered most often is made of ready parts.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub async fn show(app: Data<App>, id: Path<String>, request: HttpRequest) -> Result<HttpResponse> {
    let id = OrderId::parse(&id).ok_or(Error::NotFound)?;
    let view = app.track.view(id).await?;
    let is_known = view.etag.to_str().is_ok_and(|etag| preconditions::has_current(&request, etag));
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, view.etag.clone())).insert_header((CACHE_CONTROL, NO_CACHE));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.insert_header((CONTENT_TYPE, JSON)).body(view.bytes.clone()))
}
