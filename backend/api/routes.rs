//! The whole URL table, in the order of openapi.yaml.

use actix_web::web::{self, Data, ServiceConfig, delete, get, patch, post, put};
use actix_web::{HttpResponse, Resource};

use super::{apps, assignee, events, health, invitations, live, me, movers, orders, sessions, track};
use crate::error::{Error, Result};
use crate::server::App;

pub fn configure(config: &mut ServiceConfig, app: &Data<App>) {
    let api = web::scope("/api/v1")
        .service(at("/users").route(post().to(sessions::register_user)))
        .service(at("/users/sessions").route(post().to(sessions::log_in_user)))
        .service(at("/users/sessions/refresh").route(post().to(sessions::refresh_user)))
        .service(at("/users/sessions/current").route(delete().to(sessions::log_out_user)))
        .service(at("/movers/sessions").route(post().to(sessions::log_in_mover)))
        .service(at("/movers/sessions/refresh").route(post().to(sessions::refresh_mover)))
        .service(at("/movers/sessions/current").route(delete().to(sessions::log_out_mover)))
        .service(at("/movers").route(post().to(movers::join)).route(get().to(movers::list)))
        .service(at("/movers/invitations").route(post().to(invitations::create)).route(get().to(invitations::list)))
        .service(at("/movers/invitations/{invitation_id}").route(delete().to(invitations::withdraw)))
        .service(at("/movers/{mover_id}").route(patch().to(movers::update)))
        .service(at("/me").route(get().to(me::show)).route(patch().to(me::update)))
        .service(at("/me/password").route(put().to(me::change_password)))
        .service(at("/me/sessions").route(get().to(me::list_sessions)))
        .service(at("/me/sessions/{session_id}").route(delete().to(me::end_session)))
        .service(at("/orders").route(post().to(orders::create)).route(get().to(orders::list)))
        .service(at("/orders/counts").route(get().to(orders::counts)))
        .service(at("/orders/{order_id}").route(get().to(orders::show)).route(patch().to(orders::update)))
        .service(at("/orders/{order_id}/events").route(post().to(events::add)).route(get().to(events::list)))
        .service(
            at("/orders/{order_id}/assignee").route(put().to(assignee::assign)).route(delete().to(assignee::unassign)),
        )
        .service(at("/events/batch").route(post().to(events::add_batch)))
        .service(at("/track/{order_id}").route(get().to(track::show)).route(web::head().to(track::show)))
        .service(at("/live").route(get().to(live::connect)))
        .default_service(web::to(not_found));

    config
        .service(api)
        .service(at("/livez").route(get().to(health::livez)))
        .service(at("/readyz").route(get().to(health::readyz)))
        .service(at("/openapi.yaml").route(get().to(health::openapi_yaml)))
        .configure(|config| apps::configure(config, app))
        .default_service(web::to(not_found));
}

/// A resource whose other methods get a problem, not an empty 405.
fn at(path: &str) -> Resource {
    web::resource(path.to_owned()).default_service(web::to(method_not_allowed))
}

async fn method_not_allowed() -> Result<HttpResponse> {
    Err(Error::MethodNotAllowed)
}

async fn not_found() -> Result<HttpResponse> {
    Err(Error::NotFound)
}
