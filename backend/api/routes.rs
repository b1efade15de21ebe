//! The whole URL table, in the order of openapi.yaml but for its first line.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::guard;
use actix_web::http::Method;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder};

use super::{
    api_keys, apps, assignee, events, export, feed, health, invitations, live, me, movers, orders, sessions, track,
    webhooks,
};
use crate::auth;
use crate::error::{Error, Result};
use crate::server::App;

pub fn configure(config: &mut ServiceConfig, app: &Data<App>) {
    let api = web::scope("/api/v1")
        // actix tries one after the other: what is asked for most is first.
        .service(at("/track/{order_id}").get(track::show))
        .service(at("/users").post(sessions::register_user))
        .service(at("/users/sessions").post(sessions::log_in_user))
        .service(at("/users/sessions/refresh").post(sessions::refresh_user))
        .service(at("/users/sessions/current").delete(sessions::log_out_user))
        .service(at("/movers/sessions").post(sessions::log_in_mover))
        .service(at("/movers/sessions/refresh").post(sessions::refresh_mover))
        .service(at("/movers/sessions/current").delete(sessions::log_out_mover))
        .service(at("/movers").post(movers::join).get(movers::list))
        .service(at("/movers/invitations").post(invitations::create).get(invitations::list))
        .service(at("/movers/invitations/{invitation_id}").delete(invitations::withdraw))
        .service(at("/movers/{mover_id}").patch(movers::update))
        .service(at("/me").get(me::show).patch(me::update))
        .service(at("/me/password").put(me::change_password))
        .service(at("/me/sessions").get(me::list_sessions))
        .service(at("/me/sessions/{session_id}").delete(me::end_session))
        .service(at("/api-keys").post(api_keys::create).get(api_keys::list))
        .service(at("/api-keys/{key_id}").delete(api_keys::end))
        .service(at("/orders").post(orders::create).get(orders::list))
        .service(at("/orders/batch").post(orders::create_batch))
        .service(at("/orders/export.csv").get(export::orders))
        .service(at("/orders/counts").get(orders::counts))
        .service(at("/orders/{order_id}").get(orders::show).patch(orders::update))
        .service(at("/orders/{order_id}/events").post(events::add).get(events::list))
        .service(at("/orders/{order_id}/assignee").put(assignee::assign).delete(assignee::unassign))
        .service(at("/events").get(feed::read))
        .service(at("/events/batch").post(events::add_batch))
        .service(at("/webhooks").post(webhooks::create).get(webhooks::list))
        .service(at("/webhooks/{webhook_id}").get(webhooks::show).patch(webhooks::update).delete(webhooks::delete))
        .service(at("/webhooks/{webhook_id}/secret").post(webhooks::rotate_secret))
        .service(at("/webhooks/{webhook_id}/test").post(webhooks::send_test))
        .service(at("/webhooks/{webhook_id}/replay").post(webhooks::replay))
        .service(at("/webhooks/{webhook_id}/deliveries").get(webhooks::list_deliveries))
        .service(at("/webhooks/{webhook_id}/deliveries/{delivery_id}").get(webhooks::show_delivery))
        .service(at("/webhooks/{webhook_id}/deliveries/{delivery_id}/resend").post(webhooks::resend))
        .service(at("/live").get(live::connect))
        .default_service(web::to(not_found));

    // Before anything else looks at it.
    let has_key = guard::fn_guard(|context| auth::api_keys::is_in_url(&context.head().uri));
    config
        .service(web::scope("").guard(has_key).default_service(web::to(refuse_key_in_url)))
        .service(api)
        .service(at("/livez").get(health::livez))
        .service(at("/readyz").get(health::readyz))
        .service(at("/openapi.yaml").get(health::openapi_yaml))
        .configure(|config| apps::configure(config, app))
        .default_service(web::to(not_found));
}

/// One path of the table. Other methods than those it has get a problem that names these, not an empty 405.
struct Path {
    resource: Resource,
    methods: Vec<Method>,
}

fn at(path: &str) -> Path {
    Path { resource: web::resource(path.to_owned()), methods: Vec::new() }
}

impl Path {
    /// HEAD comes with it: the same answer without its body.
    fn get<A: FromRequest + 'static>(self, handler: impl Handler<A, Output: Responder + 'static>) -> Path {
        self.on([Method::GET, Method::HEAD], handler)
    }

    fn post<A: FromRequest + 'static>(self, handler: impl Handler<A, Output: Responder + 'static>) -> Path {
        self.on([Method::POST], handler)
    }

    fn put<A: FromRequest + 'static>(self, handler: impl Handler<A, Output: Responder + 'static>) -> Path {
        self.on([Method::PUT], handler)
    }

    fn patch<A: FromRequest + 'static>(self, handler: impl Handler<A, Output: Responder + 'static>) -> Path {
        self.on([Method::PATCH], handler)
    }

    fn delete<A: FromRequest + 'static>(self, handler: impl Handler<A, Output: Responder + 'static>) -> Path {
        self.on([Method::DELETE], handler)
    }

    fn on<A: FromRequest + 'static>(
        mut self,
        methods: impl Into<Vec<Method>>,
        handler: impl Handler<A, Output: Responder + 'static>,
    ) -> Path {
        let methods: Vec<Method> = methods.into();
        self.methods.extend_from_slice(&methods);
        let is_one_of_them = guard::fn_guard(move |context| methods.contains(&context.head().method));
        self.resource = self.resource.route(web::route().guard(is_one_of_them).to(handler));
        self
    }
}

impl HttpServiceFactory for Path {
    fn register(self, config: &mut AppService) {
        let methods = self.methods;
        let refuse = move || std::future::ready(Err::<HttpResponse, _>(Error::MethodNotAllowed(methods.clone())));
        self.resource.default_service(web::to(refuse)).register(config);
    }
}

async fn refuse_key_in_url() -> Result<HttpResponse> {
    Err(Error::KeyInUrl)
}

async fn not_found() -> Result<HttpResponse> {
    Err(Error::NotFound)
}
