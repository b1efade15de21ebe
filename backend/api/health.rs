//! Whether the process runs, whether it should get requests, and the contract.

use std::sync::atomic::Ordering;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use crate::error::{Error, Result};
use crate::server::App;
use crate::storage::migrations;

/// Depends on nothing: a process whose database is away is not helped by a restart.
pub async fn livez() -> HttpResponse {
    ok()
}

/// Postgres is reachable and migrated, and the server is not draining.
pub async fn readyz(app: Data<App>) -> Result<HttpResponse> {
    if app.draining.load(Ordering::Relaxed) {
        return Err(Error::Draining);
    }
    match app.db.read(migrations::is_current).await {
        Ok(true) => Ok(ok()),
        Ok(false) => {
            tracing::warn!("not ready: the database is not migrated");
            Err(Error::DatabaseUnavailable)
        }
        Err(error) => {
            tracing::warn!(?error, "not ready");
            Err(Error::DatabaseUnavailable)
        }
    }
}

/// The contract, as this very program was built with it.
pub async fn openapi_yaml() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/yaml")
        .insert_header(("Cache-Control", "no-cache"))
        .body(include_str!("../../openapi.yaml"))
}

fn ok() -> HttpResponse {
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(json!({ "status": "ok" }))
}
