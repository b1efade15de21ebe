//! Authority in a handler's signature: `User`, `Mover`, `Admin` or `SignedIn` as an argument, and nobody else gets in.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use actix_web_httpauth::extractors::bearer::BearerAuth;
use uuid::Uuid;

use crate::domain::account::{Realm, Role};
use crate::error::{Error, Result};
use crate::server::App;

/// Whom an access token stands for.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    pub account_id: Uuid,
    pub role: Role,
    pub session_id: Uuid,
}

/// An account of the realm `users`.
pub struct User(pub Identity);

/// An account of the realm `movers`: a mover or an admin.
pub struct Mover(pub Identity);

/// An admin.
pub struct Admin(pub Identity);

/// An account of either realm.
pub struct SignedIn(pub Identity);

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<User>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identify_in(request, Realm::Users).map(User))
    }
}

impl FromRequest for Mover {
    type Error = Error;
    type Future = Ready<Result<Mover>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identify_in(request, Realm::Movers).map(Mover))
    }
}

impl FromRequest for Admin {
    type Error = Error;
    type Future = Ready<Result<Admin>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identify_in(request, Realm::Movers).and_then(|identity| match identity.role {
            Role::Admin => Ok(Admin(identity)),
            Role::Mover | Role::User => Err(Error::AdminOnly),
        }))
    }
}

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Ready<Result<SignedIn>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identify(request).map(SignedIn))
    }
}

fn identify_in(request: &HttpRequest, realm: Realm) -> Result<Identity> {
    let identity = identify(request)?;
    if identity.role.realm() == realm { Ok(identity) } else { Err(Error::WrongRealm) }
}

fn identify(request: &HttpRequest) -> Result<Identity> {
    let token = bearer_token(request).ok_or(Error::Unauthenticated)?;
    let app = request
        .app_data::<web::Data<App>>()
        .ok_or_else(|| Error::Internal("the application's state is missing".to_owned()))?;
    let (identity, _) = app.tokens.verify(&token)?;
    if app.revocations.is_ended(identity.session_id) {
        return Err(Error::SessionEnded);
    }
    Ok(identity)
}

fn bearer_token(request: &HttpRequest) -> Option<String> {
    if let Ok(bearer) = BearerAuth::from_request(request, &mut Payload::None).into_inner() {
        return Some(bearer.token().to_owned());
    }
    // The extractor knows one spelling; schemes are case-insensitive (RFC 9110, 11.1).
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.to_owned())
}
