//! Authority in a handler's signature: `User`, `Mover`, `Admin` or `SignedIn` as an argument, and nobody else gets in. As
//! they stand there, they are for whoever has logged in; `User<OrdersWrite>` is also for API keys with that scope.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use actix_web_httpauth::extractors::bearer::BearerAuth;
use chrono::{DateTime, Utc};
use futures_util::future::{Either, LocalBoxFuture};
use uuid::Uuid;

use super::api_keys::{self, Grant};
use crate::domain::account::{Realm, Role};
use crate::domain::scope::Scope;
use crate::error::{Error, Result};
use crate::limits::{self, Policy, Whose};
use crate::server::App;

/// Whom an access token or an API key stands for.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    pub account_id: Uuid,
    pub role: Role,
    pub credential: Credential,
}

/// What somebody has shown, by its ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// An access token of this session.
    Session(Uuid),
    ApiKey(Uuid),
}

impl Credential {
    pub fn id(self) -> Uuid {
        match self {
            Credential::Session(id) | Credential::ApiKey(id) => id,
        }
    }
}

/// What a caller must have shown.
#[derive(Debug, Clone, Copy)]
pub enum Needs {
    /// An access token: keys, passwords, sessions and invitations are not for keys.
    Session,
    /// An access token, or an API key with this scope.
    Scope(Scope),
    /// An access token, or any API key.
    AnyKey,
}

/// Says in a signature what is needed.
pub trait Access: 'static {
    const NEEDS: Needs;
}

macro_rules! access {
    ($($(#[$doc:meta])* $name:ident: $needs:expr;)+) => {
        $($(#[$doc])* pub struct $name; impl Access for $name { const NEEDS: Needs = $needs; })+
    };
}
access! {
    Session: Needs::Session;
    OrdersRead: Needs::Scope(Scope::OrdersRead);
    OrdersWrite: Needs::Scope(Scope::OrdersWrite);
    EventsWrite: Needs::Scope(Scope::EventsWrite);
    WebhooksManage: Needs::Scope(Scope::WebhooksManage);
    AnyKey: Needs::AnyKey;
}

/// An account of the realm `users`.
pub struct User<A = Session>(pub Identity, pub PhantomData<A>);

/// An account of the realm `movers`: a mover or an admin.
pub struct Mover<A = Session>(pub Identity, pub PhantomData<A>);

/// An admin.
pub struct Admin<A = Session>(pub Identity, pub PhantomData<A>);

/// Whoever sees what they see as a whole: a user their own orders, an admin all.
pub struct UserOrAdmin<A = Session>(pub Identity, pub PhantomData<A>);

/// An account of either realm.
pub struct SignedIn<A = Session>(pub Identity, pub PhantomData<A>);

/// At once for an access token; for an API key when it was looked up.
type Admission<T> = Either<Ready<Result<T>>, LocalBoxFuture<'static, Result<T>>>;

impl<A: Access> FromRequest for User<A> {
    type Error = Error;
    type Future = Admission<User<A>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admit(request, A::NEEDS, |identity| in_realm(identity, Realm::Users).map(|user| User(user, PhantomData)))
    }
}

impl<A: Access> FromRequest for Mover<A> {
    type Error = Error;
    type Future = Admission<Mover<A>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admit(request, A::NEEDS, |identity| in_realm(identity, Realm::Movers).map(|mover| Mover(mover, PhantomData)))
    }
}

impl<A: Access> FromRequest for Admin<A> {
    type Error = Error;
    type Future = Admission<Admin<A>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admit(request, A::NEEDS, |identity| {
            in_realm(identity, Realm::Movers).and_then(|identity| match identity.role {
                Role::Admin => Ok(Admin(identity, PhantomData)),
                Role::Mover | Role::User => Err(Error::AdminOnly),
            })
        })
    }
}

impl<A: Access> FromRequest for UserOrAdmin<A> {
    type Error = Error;
    type Future = Admission<UserOrAdmin<A>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admit(request, A::NEEDS, |identity| match identity.role {
            Role::User | Role::Admin => Ok(UserOrAdmin(identity, PhantomData)),
            Role::Mover => Err(Error::AdminOnly),
        })
    }
}

impl<A: Access> FromRequest for SignedIn<A> {
    type Error = Error;
    type Future = Admission<SignedIn<A>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        admit(request, A::NEEDS, |identity| Ok(SignedIn(identity, PhantomData)))
    }
}

fn in_realm(identity: Identity, realm: Realm) -> Result<Identity> {
    if identity.role.realm() == realm { Ok(identity) } else { Err(Error::WrongRealm) }
}

/// Who asks comes before what their key was made for.
fn admit<T: 'static>(request: &HttpRequest, needs: Needs, who: fn(Identity) -> Result<T>) -> Admission<T> {
    let now = |answer| Either::Left(ready(answer));
    let Some(app) = request.app_data::<web::Data<App>>() else {
        return now(Err(Error::Internal("the application's state is missing".to_owned())));
    };
    match bearer_token(request) {
        None => now(Err(stranger(app, request, Error::Unauthenticated))),
        Some(key) if api_keys::is_one(&key) => {
            let (app, request) = (app.clone(), request.clone());
            Either::Right(Box::pin(async move {
                // Who has guessed too often is not even looked up; a key that was good of late is, whatever else is asked for
                // from the same address.
                if !app.api_keys.was_good(&key) {
                    limits::look_at_address(&app, &request, Policy::Anonymous)?;
                }
                let grant = match app.api_keys.verify(&key).await {
                    Ok(grant) => grant,
                    Err(error) => return Err(stranger(&app, &request, error)),
                };
                limits::take_for(&app, &request, Policy::Api, Whose::ApiKey(grant.identity.credential.id()))?;
                request.extensions_mut().insert(Shown(key));
                let admitted = who(grant.identity)?;
                may_do(&grant, needs)?;
                Ok(admitted)
            }))
        }
        Some(token) => now(match identify(app, &token) {
            Ok((identity, _)) => {
                request.extensions_mut().insert(Shown(token));
                limits::take_for(app, request, Policy::Api, Whose::Account(identity.account_id))
                    .and_then(|()| who(identity))
            }
            Err(error) => Err(stranger(app, request, error)),
        }),
    }
}

/// Who has shown nothing that is good is counted by address: tokens and keys are not to be guessed. Where nobody can say what
/// it is good for, nobody has guessed.
fn stranger(app: &App, request: &HttpRequest, error: Error) -> Error {
    if error.status_and_code().0.is_server_error() {
        return error;
    }
    limits::take_for_address(app, request, Policy::Anonymous).err().unwrap_or(error)
}

/// What the caller has shown, once they were let in by it.
#[derive(Clone)]
struct Shown(String);

/// Is it still good by which the caller was let in? A body may take half a minute.
pub async fn require_still(request: &HttpRequest) -> Result<()> {
    let shown = request.extensions().get::<Shown>().cloned();
    let (Some(Shown(token)), Some(app)) = (shown, request.app_data::<web::Data<App>>()) else { return Ok(()) };
    if api_keys::is_one(&token) {
        app.api_keys.verify(&token).await.map(|_| ())
    } else {
        identify(app, &token).map(|_| ())
    }
}

/// Whom an access token stands for whose session goes on, and until when.
pub fn identify(app: &App, token: &str) -> Result<(Identity, DateTime<Utc>)> {
    let (identity, expires_at) = app.tokens.verify(token)?;
    if app.revocations.is_ended(identity.credential.id()) {
        return Err(Error::SessionEnded);
    }
    Ok((identity, expires_at))
}

fn may_do(grant: &Grant, needs: Needs) -> Result<()> {
    match needs {
        Needs::Session => Err(Error::SessionRequired),
        Needs::Scope(scope) => grant.allows(scope),
        Needs::AnyKey => Ok(()),
    }
}

fn bearer_token(request: &HttpRequest) -> Option<String> {
    if let Ok(bearer) = BearerAuth::from_request(request, &mut Payload::None).into_inner() {
        return Some(bearer.token().to_owned());
    }
    // The extractor knows one spelling; schemes are case-insensitive (RFC 9110, 11.1).
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.to_owned())
}
