//! `GET /track/{id}`: what whoever holds the ID may see.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::preconditions;
use crate::domain::ids::OrderId;
use crate::error::{Error, Result};
use crate::limits::{self, Anonymous, Policy, Within};
use crate::redis_link::RedisLink;
use crate::server::App;
use crate::track::View;

/// What is answered most often is made of ready parts.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub async fn show(
    app: Data<App>,
    redis: Data<RedisLink>,
    _: Within<Anonymous>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let view = found(&app, &redis, &id, &request).await?;
    let is_known = view.etag.to_str().is_ok_and(|etag| preconditions::has_current(&request, etag));
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, view.etag.clone())).insert_header((CACHE_CONTROL, NO_CACHE));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.insert_header((CONTENT_TYPE, JSON)).body(view.bytes.clone()))
}

/// The view; or nothing, of which nobody gets many in a short time: an ID is what protects an order.
async fn found(app: &App, redis: &RedisLink, id: &str, request: &HttpRequest) -> Result<Arc<View>> {
    // Found or not: who has guessed too often is not told either.
    limits::look_at_address(app, request, Policy::Misses)?;
    let found = match OrderId::parse(id) {
        Some(id) => app.track.view(id, redis).await,
        None => Err(Error::NotFound),
    };
    if let Err(Error::NotFound) = found {
        limits::take_for_address(app, request, Policy::Misses)?;
    }
    found
}
