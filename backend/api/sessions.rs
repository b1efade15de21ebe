//! Registering users, the two logins, refreshing and logging out.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, USER_AGENT};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use chrono::Utc;
use serde_json::json;

use super::forms::{Body, Form};
use crate::auth::extractors::{Credential, Identity};
use crate::auth::refresh::{self, RefreshTokens};
use crate::auth::tokens;
use crate::domain::account::{Email, NAME_MAX, Password, Realm, Role};
use crate::domain::session::Presented;
use crate::domain::text::{Flaw, line};
use crate::error::{Error, Result};
use crate::limits::{Anonymous, Logins, Registrations, Within};
use crate::server::App;
use crate::storage::accounts::{self, NewAccount};
use crate::storage::sessions::{self, OpenSession, Refreshed};

/// What is kept of a User-Agent, in characters.
const USER_AGENT_MAX: usize = 300;

pub async fn register_user(
    app: web::Data<App>,
    _: Within<Registrations>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse> {
    let registration = Registration::read(body.form()?)?;
    let new = NewAccount {
        role: Role::User,
        password_hash: app.passwords.hash(&registration.password).await?,
        email: registration.email,
        name: registration.name,
    };
    let user_agent = user_agent(&request);
    let session = app
        .db
        .write(move |connection| {
            let account = accounts::create(connection, new)?;
            sessions::begin(connection, account, user_agent.as_deref())
        })
        .await?;
    Ok(signed_in(&app, StatusCode::CREATED, session))
}

pub async fn log_in_user(
    app: web::Data<App>,
    _: Within<Logins>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse> {
    log_in(&app, &request, body, Realm::Users).await
}

pub async fn log_in_mover(
    app: web::Data<App>,
    _: Within<Logins>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse> {
    log_in(&app, &request, body, Realm::Movers).await
}

pub async fn refresh_user(app: web::Data<App>, _: Within<Anonymous>, request: HttpRequest) -> HttpResponse {
    refresh(&app, &request, Realm::Users).await
}

pub async fn refresh_mover(app: web::Data<App>, _: Within<Anonymous>, request: HttpRequest) -> HttpResponse {
    refresh(&app, &request, Realm::Movers).await
}

pub async fn log_out_user(app: web::Data<App>, _: Within<Anonymous>, request: HttpRequest) -> Result<HttpResponse> {
    log_out(&app, &request, Realm::Users).await
}

pub async fn log_out_mover(app: web::Data<App>, _: Within<Anonymous>, request: HttpRequest) -> Result<HttpResponse> {
    log_out(&app, &request, Realm::Movers).await
}

/// What registering and joining ask for.
pub(super) struct Registration {
    pub email: Email,
    pub password: Password,
    pub name: String,
}

impl Registration {
    /// Reads the rest of a form; all that is wrong with it is told at once.
    pub fn read(mut form: Form) -> Result<Registration> {
        let email = form.required("email", Email::parse);
        let password = form.required("password", Password::parse);
        let name = form.required("name", |typed| line(typed, NAME_MAX));
        form.finish()?;
        match (email, password, name) {
            (Some(email), Some(password), Some(name)) => Ok(Registration { email, password, name }),
            _ => Err(incomplete()),
        }
    }
}

/// A form that missed a field and did not say so: a fault of ours.
pub(super) fn incomplete() -> Error {
    Error::Internal("a form without violations lacks a field".to_owned())
}

/// A text that login and password change compare with what is stored: any that is not empty may be tried.
pub(super) fn not_empty(typed: &str) -> Result<String, Flaw> {
    if typed.is_empty() { Err(Flaw::TooShort { min: 1, unit: "characters" }) } else { Ok(typed.to_owned()) }
}

/// What the browser calls itself, for the list of sessions.
pub(super) fn user_agent(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get(USER_AGENT)?;
    let text = String::from_utf8_lossy(header.as_bytes());
    let text: String = text.chars().filter(|c| !c.is_control()).take(USER_AGENT_MAX).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The answer to all that signs in: the account, an access token, and the refresh token in its cookie.
pub(super) fn signed_in(app: &App, status: StatusCode, session: OpenSession) -> HttpResponse {
    let OpenSession { account, session_id, generation } = session;
    let identity = Identity { account_id: account.id, role: account.role, credential: Credential::Session(session_id) };
    let refresh_token = refresh_tokens(app, account.realm).token(session_id, generation);
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .cookie(refresh::cookie(account.realm, refresh_token, app.config.is_https()))
        .json(json!({
            "account": account,
            "access_token": app.tokens.issue(&identity, Utc::now()),
            "expires_in": tokens::LIFETIME.num_seconds(),
            "token_type": "Bearer",
        }))
}

async fn log_in(app: &App, request: &HttpRequest, body: Body, realm: Realm) -> Result<HttpResponse> {
    let mut form = body.form()?;
    let email = form.required("email", not_empty);
    let password = form.required("password", not_empty);
    form.finish()?;
    let (Some(email), Some(password)) = (email, password) else { return Err(incomplete()) };

    // What can't be an email has no account, and is told so after the same time as one that could.
    let found = match Email::parse(&email) {
        Ok(email) => app.db.read(move |connection| accounts::credentials(connection, realm, email.as_str())).await?,
        Err(_) => None,
    };
    let hash = found.as_ref().map(|credentials| credentials.password_hash.clone());
    if !app.passwords.verify(&password, hash).await? {
        return Err(Error::InvalidCredentials);
    }
    let checked = found.ok_or(Error::InvalidCredentials)?;
    let user_agent = user_agent(request);
    let session = app.db.write(move |connection| accounts::log_in(connection, &checked, user_agent.as_deref())).await?;
    Ok(signed_in(app, StatusCode::OK, session))
}

/// A refusal takes the cookie along: the browser would only come with it again.
async fn refresh(app: &App, request: &HttpRequest, realm: Realm) -> HttpResponse {
    match try_refresh(app, request, realm).await {
        Ok(session) => signed_in(app, StatusCode::OK, session),
        Err(error) => {
            let mut response = error.error_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                clear_cookie(app, &mut response, realm);
            }
            response
        }
    }
}

async fn try_refresh(app: &App, request: &HttpRequest, realm: Realm) -> Result<OpenSession> {
    let presented = presented(app, request, realm)?;
    let session_id = presented.session_id;
    match app.db.write(move |connection| sessions::refresh(connection, realm, presented)).await? {
        Refreshed::GoesOn(session) => Ok(session),
        Refreshed::Ended => {
            app.revocations.note([session_id]);
            Err(Error::SessionEnded)
        }
    }
}

async fn log_out(app: &App, request: &HttpRequest, realm: Realm) -> Result<HttpResponse> {
    if let Ok(Presented { session_id, .. }) = presented(app, request, realm) {
        app.db.write(move |connection| sessions::end(connection, session_id)).await?;
        app.revocations.note([session_id]);
    }
    let mut response = HttpResponse::NoContent().finish();
    clear_cookie(app, &mut response, realm);
    Ok(response)
}

fn presented(app: &App, request: &HttpRequest, realm: Realm) -> Result<Presented> {
    let token = refresh::cookie_of(request, realm).ok_or(Error::NoRefreshToken)?;
    refresh_tokens(app, realm).read(&token)
}

fn refresh_tokens(app: &App, realm: Realm) -> RefreshTokens {
    RefreshTokens::new(&app.config.jwt_secret, realm)
}

fn clear_cookie(app: &App, response: &mut HttpResponse, realm: Realm) {
    let cookie = refresh::cleared_cookie(realm, app.config.is_https());
    if let Err(error) = response.add_cookie(&cookie) {
        tracing::error!(%error, "a cookie can't be cleared");
    }
}
