//! `GET /track/{id}`: what whoever holds the ID may see.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::preconditions;
use crate::domain::ids::OrderId;
use crate::error::{Error, Result};
use crate::server::App;

pub async fn show(app: Data<App>, id: Path<String>, request: HttpRequest) -> Result<HttpResponse> {
    let id = OrderId::parse(&id).ok_or(Error::NotFound)?;
    let view = app.track.view(id).await?;
    let is_known = preconditions::has_current(&request, &view.etag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, view.etag.as_str())).insert_header((CACHE_CONTROL, "no-cache"));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.insert_header((CONTENT_TYPE, "application/json")).body(view.bytes.clone()))
}
