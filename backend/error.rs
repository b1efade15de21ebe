//! One error enum, and one exhaustive match from its variants to (status, code). Answers are RFC 9457 problems;
//! internals are logged with the request ID and never sent.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::account::Person;
use crate::domain::ids::OrderId;
use crate::domain::scope::Scope;
use crate::domain::status::Status;
use crate::limits::Verdict;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    BadRequest(&'static str),
    #[error("The body is not JSON: {0}.")]
    MalformedJson(String),
    #[error("A query parameter is not understood.")]
    InvalidParameter(Vec<Violation>),
    #[error("The cursor does not belong to this list; start without one.")]
    InvalidCursor,
    #[error("If-Match must be an ETag such as \"4\", in its quotes, or *.")]
    InvalidIfMatch,

    #[error(
        "An API key belongs in the header, Authorization: Bearer otk_…; this one now stands in logs: end it and make another."
    )]
    KeyInUrl,

    #[error("There is no refresh token: it comes in a cookie, which logging in sets. Log in again.")]
    NoRefreshToken,
    #[error("This needs an access token or an API key: Authorization: Bearer …")]
    Unauthenticated,
    #[error("The access token is not valid.")]
    InvalidToken,
    #[error("The access token has expired; refresh it or log in again.")]
    TokenExpired,
    #[error("This access token belongs to the other realm.")]
    WrongRealm,
    #[error("The session has ended; log in again.")]
    SessionEnded,
    #[error("There is no such API key, or it was ended.")]
    InvalidApiKey,
    #[error("The API key has expired; make another one.")]
    ApiKeyExpired,
    #[error("Email or password is wrong.")]
    InvalidCredentials,

    #[error("Only admins may do this.")]
    AdminOnly,
    #[error("The API key was not made for this: it lacks the scope {0}.")]
    InsufficientScope(Scope),
    #[error("This is not for API keys; it needs the access token of somebody who has logged in.")]
    SessionRequired,
    #[error("This account is deactivated; ask an admin.")]
    AccountDeactivated,
    #[error("This origin may not open a socket here; see ALLOWED_ORIGINS.")]
    OriginNotAllowed,

    #[error("The Idempotency-Key must be one text of 1 to 255 visible ASCII characters, bare or in double quotes.")]
    InvalidIdempotencyKey,
    #[error("A request with this Idempotency-Key is being worked on; ask again in a moment for its answer.")]
    IdempotencyInProgress,
    #[error("This Idempotency-Key was used for another request; take a new one for each.")]
    IdempotencyKeyReused,

    #[error("There is nothing here that you may see.")]
    NotFound,
    #[error("This method is not for this path; `Allow` names those that are.")]
    MethodNotAllowed(Vec<Method>),

    #[error("{detail}")]
    IllegalMove { detail: String, standing: Standing },
    #[error("{detail}")]
    UndoNotAllowed { detail: &'static str, standing: Standing },
    #[error("The order is not in the expected status any more.")]
    StatusChanged { order: Value },
    #[error("The order is {0}; this can't be changed any more.")]
    OrderClosed(Status),
    #[error("{} has this reference already.", match .0 { Some(id) => format!("Order {id} of the same owner"), None => "Another one in this batch".to_owned() })]
    ReferenceTaken(Option<OrderId>),
    #[error("{} has taken this order; only they or an admin may hand it over.", .0.name)]
    AssigneeTaken(Person),
    #[error("There is an account with this email already.")]
    EmailTaken,
    #[error("An account has at most {0} API keys; end those that are not used any more.")]
    TooManyApiKeys(i64),
    #[error("An account has at most {0} webhooks; delete those that are not used any more.")]
    TooManyWebhooks(i64),
    #[error("More than {0} events were recorded within that time; choose a shorter one.")]
    TooMuchToReplay(i64),
    #[error("The webhook is switched off; switch it on first.")]
    WebhookOff,
    #[error("This is the last active admin; make another one first.")]
    LastAdmin,
    #[error("The invitation was used already; it can't be withdrawn any more.")]
    InvitationInUse,

    #[error("The invitation was used already; ask for another one.")]
    InvitationUsed,
    #[error("The invitation has expired; ask for another one.")]
    InvitationExpired,
    #[error("The invitation was withdrawn; ask for another one.")]
    InvitationWithdrawn,

    #[error("The order has changed since; `order` is what it is now.")]
    VersionMismatch { order: Value },
    #[error("The body is larger than {limit} bytes.")]
    BodyTooLarge { limit: usize },
    #[error("The body must be {0}.")]
    UnsupportedMediaType(&'static str),
    #[error("Some of these can't be written, so none was; `problems` tells of each by its index.")]
    BatchRefused(Vec<(usize, Value)>),
    #[error("Some of this can't be accepted; `errors` lists all of it.")]
    Validation(Vec<Violation>),

    #[error("Too many requests; come back in {} s.", .0.retry_after)]
    RateLimited(Verdict),

    #[error("Something went wrong here; the log has it under the request ID.")]
    Internal(String),
    #[error("The database can't be reached; nothing was written. Try again.")]
    DatabaseUnavailable,
    #[error("Too much to do right now; nothing was written. Try again.")]
    Overloaded,
    #[error(
        "No answer came in time: it may or may not have been written. Send it again with the same Idempotency-Key; if it had none, look first."
    )]
    OutcomeUnknown,
    #[error("This server is going down; another one will answer.")]
    Draining,
}

/// Where an order stands when a move is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub allowed: Vec<Status>,
    pub status: Status,
    pub version: i32,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// RFC 6901 pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    pub code: &'static str,
    pub detail: String,
}

impl Violation {
    pub fn at(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Violation {
        Violation { pointer: Some(pointer.into()), parameter: None, code, detail: detail.into() }
    }

    pub fn parameter(name: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Violation {
        Violation { pointer: None, parameter: Some(name.into()), code, detail: detail.into() }
    }
}

impl Error {
    /// One violation of a form.
    pub fn invalid(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Error {
        Error::Validation(vec![Violation::at(pointer, code, detail)])
    }

    /// Status and stable code: the codes are the contract's `ProblemCode`.
    pub fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Error::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Error::MalformedJson(_) => (StatusCode::BAD_REQUEST, "malformed_json"),
            Error::InvalidParameter(_) => (StatusCode::BAD_REQUEST, "invalid_parameter"),
            Error::InvalidCursor => (StatusCode::BAD_REQUEST, "invalid_cursor"),
            Error::InvalidIfMatch => (StatusCode::BAD_REQUEST, "invalid_if_match"),
            Error::InvalidIdempotencyKey => (StatusCode::BAD_REQUEST, "invalid_idempotency_key"),
            Error::KeyInUrl => (StatusCode::BAD_REQUEST, "key_in_url"),
            Error::Unauthenticated | Error::NoRefreshToken => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Error::InvalidToken => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Error::TokenExpired => (StatusCode::UNAUTHORIZED, "token_expired"),
            Error::WrongRealm => (StatusCode::UNAUTHORIZED, "wrong_realm"),
            Error::SessionEnded => (StatusCode::UNAUTHORIZED, "session_ended"),
            Error::InvalidApiKey => (StatusCode::UNAUTHORIZED, "invalid_api_key"),
            Error::ApiKeyExpired => (StatusCode::UNAUTHORIZED, "api_key_expired"),
            Error::InvalidCredentials => (StatusCode::UNAUTHORIZED, "invalid_credentials"),
            Error::AdminOnly => (StatusCode::FORBIDDEN, "admin_only"),
            Error::InsufficientScope(_) => (StatusCode::FORBIDDEN, "insufficient_scope"),
            Error::SessionRequired => (StatusCode::FORBIDDEN, "session_required"),
            Error::AccountDeactivated => (StatusCode::FORBIDDEN, "account_deactivated"),
            Error::OriginNotAllowed => (StatusCode::FORBIDDEN, "origin_not_allowed"),
            Error::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Error::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Error::IdempotencyInProgress => (StatusCode::CONFLICT, "idempotency_in_progress"),
            Error::IllegalMove { .. } => (StatusCode::CONFLICT, "illegal_move"),
            Error::UndoNotAllowed { .. } => (StatusCode::CONFLICT, "undo_not_allowed"),
            Error::StatusChanged { .. } => (StatusCode::CONFLICT, "status_changed"),
            Error::OrderClosed(_) => (StatusCode::CONFLICT, "order_closed"),
            Error::ReferenceTaken(_) => (StatusCode::CONFLICT, "reference_taken"),
            Error::AssigneeTaken(_) => (StatusCode::CONFLICT, "assignee_taken"),
            Error::EmailTaken => (StatusCode::CONFLICT, "email_taken"),
            Error::TooManyApiKeys(_) => (StatusCode::CONFLICT, "too_many_api_keys"),
            Error::TooManyWebhooks(_) => (StatusCode::CONFLICT, "too_many_webhooks"),
            Error::TooMuchToReplay(_) => (StatusCode::CONFLICT, "too_much_to_replay"),
            Error::WebhookOff => (StatusCode::CONFLICT, "webhook_off"),
            Error::LastAdmin => (StatusCode::CONFLICT, "last_admin"),
            Error::InvitationInUse => (StatusCode::CONFLICT, "invitation_used"),
            Error::InvitationUsed => (StatusCode::GONE, "invitation_used"),
            Error::InvitationExpired => (StatusCode::GONE, "invitation_expired"),
            Error::InvitationWithdrawn => (StatusCode::GONE, "invitation_withdrawn"),
            Error::VersionMismatch { .. } => (StatusCode::PRECONDITION_FAILED, "version_mismatch"),
            Error::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Error::UnsupportedMediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Error::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            Error::BatchRefused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "batch_refused"),
            Error::Validation(_) => (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed"),
            Error::RateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Error::DatabaseUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable"),
            Error::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Error::OutcomeUnknown => (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown"),
            Error::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        }
    }

    /// The same error for somebody else who waited for the same answer from the database.
    pub fn for_another(&self) -> Error {
        match self {
            Error::Internal(cause) => Error::Internal(cause.clone()),
            Error::Overloaded => Error::Overloaded,
            _ => Error::DatabaseUnavailable,
        }
    }

    /// A new name for a request, by which the log is searched.
    pub fn request_id() -> String {
        Uuid::now_v7().simple().to_string()
    }

    /// The problem as RFC 9457 has it. Logs what must not be sent.
    pub fn problem(&self, request_id: &str) -> Value {
        let (status, code) = self.status_and_code();
        match self {
            Error::Internal(cause) => tracing::error!(%request_id, %cause, "internal error"),
            _ if status.is_server_error() => tracing::warn!(%request_id, code, "not served"),
            _ => {}
        }
        let mut problem = Map::new();
        problem.insert("type".into(), "about:blank".into());
        problem.insert("title".into(), status.canonical_reason().unwrap_or("Error").into());
        problem.insert("status".into(), status.as_u16().into());
        problem.insert("detail".into(), self.to_string().into());
        problem.insert("code".into(), code.into());
        problem.insert("request_id".into(), request_id.into());
        match self {
            Error::Validation(errors) | Error::InvalidParameter(errors) => {
                problem.insert("errors".into(), json!(errors));
            }
            Error::BatchRefused(problems) => {
                let problems = problems.iter().map(|(index, problem)| json!({"index": index, "problem": problem}));
                problem.insert("problems".into(), problems.collect());
            }
            Error::IllegalMove { standing, .. } | Error::UndoNotAllowed { standing, .. } => {
                problem.insert("allowed".into(), json!(standing.allowed));
                problem.insert("order_status".into(), json!(standing.status));
                problem.insert("version".into(), json!(standing.version));
            }
            Error::StatusChanged { order } | Error::VersionMismatch { order } => {
                problem.insert("order".into(), order.clone());
            }
            Error::ReferenceTaken(Some(id)) => {
                problem.insert("order_id".into(), json!(id));
            }
            Error::AssigneeTaken(holder) => {
                problem.insert("assignee".into(), json!(holder));
            }
            _ => {}
        }
        Value::Object(problem)
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status_and_code().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.status_and_code();
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = match self {
                Error::Unauthenticated | Error::NoRefreshToken | Error::InvalidCredentials => "Bearer".to_owned(),
                _ => format!("Bearer error=\"invalid_token\", error_description=\"{code}\""),
            };
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        // RFC 6750, 3.1.
        if let Error::InsufficientScope(scope) = self {
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Error::MethodNotAllowed(methods) = self {
            let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
            response.insert_header((header::ALLOW, methods.join(", ")));
        }
        if let Error::RateLimited(verdict) = self {
            response.insert_header((header::RETRY_AFTER, verdict.retry_after.to_string()));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE || matches!(self, Error::IdempotencyInProgress) {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        response.body(self.problem(&Error::request_id()).to_string())
    }
}

/// What the database says, unless the query that got it knew better. A constraint that only a race can violate is
/// handled by its name where the query is.
impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Error {
        use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
        use diesel::result::Error::{BrokenTransactionManager, DatabaseError};
        match error {
            DatabaseError(ClosedConnection | UnableToSendCommand, _) | BrokenTransactionManager => {
                Error::DatabaseUnavailable
            }
            // The connection went, or the server is going or coming: diesel tells only some of these apart.
            DatabaseError(_, information) if is_about_the_connection(information.message()) => {
                Error::DatabaseUnavailable
            }
            // Statement and lock timeouts have no kind of their own in diesel. The connection is well, so this is no
            // reason to try another one.
            DatabaseError(_, information)
                if information.message().ends_with("timeout") || information.message().contains("deadlock") =>
            {
                Error::Overloaded
            }
            other => Error::Internal(format!("database: {other:?}")),
        }
    }
}

fn is_about_the_connection(message: &str) -> bool {
    let beginnings = [
        "server closed the connection",
        "terminating connection",
        "terminating background worker",
        "could not receive data from server",
        "could not send data to server",
        "no connection to the server",
        "SSL connection has been closed",
        "SSL SYSCALL error",
        "the database system is ",
    ];
    beginnings.iter().any(|beginning| message.trim_start_matches("FATAL:").trim_start().starts_with(beginning))
}
