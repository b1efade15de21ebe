//! Reading request bodies: everything that is wrong with a form is told at once, each with its pointer.

use std::time::{Duration, Instant};

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, Payload};
use actix_web::{FromRequest, HttpRequest};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::auth::extractors::require_still;
use crate::domain::text::{Flaw, line, paragraph};
use crate::error::{Error, Result, Violation};

pub const BODY_LIMIT: usize = 64 * 1024;
pub const BATCH_BODY_LIMIT: usize = 2 * 1024 * 1024;

/// How long a body may take to arrive: who sends a byte now and then must not hold a connection for ever.
const BODY_TIME_LIMIT: Duration = Duration::from_secs(30);
/// Within this time nobody's key is ended whose request has begun.
const QUICK: Duration = Duration::from_secs(1);
/// More violations than this help nobody to mend a form.
pub const VIOLATIONS_MAX: usize = 100;

/// A body as it came. What is wrong with it is told when it is read: authority and existence come first.
pub struct Body<const LIMIT: usize = BODY_LIMIT>(Result<Bytes>);

/// The same with the larger limit.
pub type BatchBody = Body<BATCH_BODY_LIMIT>;

impl<const LIMIT: usize> Body<LIMIT> {
    pub fn form(self) -> Result<Form> {
        Form::parse(&self.0?)
    }

    /// None when it could not be read.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.0.as_deref().ok()
    }
}

impl<const LIMIT: usize> FromRequest for Body<LIMIT> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Body<LIMIT>>>;

    fn from_request(request: &HttpRequest, payload: &mut actix_web::dev::Payload) -> Self::Future {
        let (read, request, began) = (read(request, payload, LIMIT), request.clone(), Instant::now());
        Box::pin(async move {
            let body = Body(read.await);
            if began.elapsed() >= QUICK {
                require_still(&request).await?;
            }
            Ok(body)
        })
    }
}

fn read(
    request: &HttpRequest,
    payload: &mut actix_web::dev::Payload,
    limit: usize,
) -> impl Future<Output = Result<Bytes>> + 'static {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // Merge patches have a media type of their own (RFC 7396); only PATCH sends it.
    let is_json = essence == "application/json"
        || (essence == "application/merge-patch+json" && request.method() == actix_web::http::Method::PATCH);
    // What is compressed is nothing that we read.
    let is_plain = request.headers().get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let payload = Payload::from_request(request, payload);
    let read = async move {
        // Who says so before is told before.
        if length.is_some_and(|length| length > limit as u64) {
            return Err(Error::BodyTooLarge { limit });
        }
        let mut payload = payload.await.map_err(|_| Error::BadRequest("The body can't be read."))?;
        let mut body = actix_web::web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Error::BadRequest("The body ended early."))?;
            if body.len() + chunk.len() > limit {
                return Err(Error::BodyTooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        if !is_json {
            return Err(Error::UnsupportedMediaType("application/json"));
        }
        if !is_plain {
            return Err(Error::UnsupportedMediaType("application/json without Content-Encoding"));
        }
        Ok(body.freeze())
    };
    async move {
        let limited = tokio::time::timeout(BODY_TIME_LIMIT, read).await;
        limited.unwrap_or(Err(Error::BadRequest("The body took too long to arrive.")))
    }
}

/// A JSON object that is taken apart field by field. Each getter notes what is wrong and goes on; `finish` tells it all,
/// unknown fields included.
pub struct Form {
    fields: Map<String, Value>,
    /// Where this object stands in the body, as a JSON pointer.
    pointer: String,
    violations: Vec<Violation>,
}

impl Form {
    pub fn parse(body: &[u8]) -> Result<Form> {
        match serde_json::from_slice(body).map_err(|error| Error::MalformedJson(error.to_string()))? {
            Value::Object(fields) => Ok(Form::new(fields, "")),
            _ => Err(Error::invalid("", "wrong_type", "must be an object")),
        }
    }

    pub fn new(fields: Map<String, Value>, pointer: impl Into<String>) -> Form {
        Form { fields, pointer: pointer.into(), violations: Vec::new() }
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Notes a violation at a field.
    pub fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation::at(self.pointer_to(name), code, detail));
        }
    }

    /// Notes a violation at an element of an array.
    fn refuse_in(&mut self, name: &str, at: usize, code: &'static str, detail: impl Into<String>) {
        let pointer = format!("{}/{at}", self.pointer_to(name));
        self.violations.push(Violation::at(pointer, code, detail));
    }

    /// Notes a violation of the form as a whole.
    pub fn refuse_all(&mut self, code: &'static str, detail: impl Into<String>) {
        self.violations.push(Violation::at(self.pointer.clone(), code, detail));
    }

    /// Is there a violation at this field already?
    pub fn has_violation(&self, name: &str) -> bool {
        let pointer = self.pointer_to(name);
        self.violations.iter().any(|violation| violation.pointer.as_ref() == Some(&pointer))
    }

    /// Nothing wrong so far, and nothing left that is unknown.
    pub fn is_faultless(&self) -> bool {
        self.violations.is_empty() && self.fields.is_empty()
    }

    /// Takes a field out as it is; absent and null are told apart.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    /// A field that must be there, through a parser of text.
    pub fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        match self.take(name) {
            None | Some(Value::Null) => {
                self.refuse(name, "missing", "is required");
                None
            }
            Some(Value::String(text)) => self.checked(name, parse(&text)),
            Some(_) => self.wrong_type(name, "a string"),
        }
    }

    /// A text that may be absent but not null.
    pub fn present<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        match self.take(name)? {
            Value::String(text) => self.checked(name, parse(&text)),
            _ => self.wrong_type(name, "a string"),
        }
    }

    /// A text that may be absent; `Some(None)` for null or nothing but blanks.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<Option<T>> {
        match self.take(name)? {
            Value::Null => Some(None),
            Value::String(text) if text.trim().is_empty() => Some(None),
            Value::String(text) => self.checked(name, parse(&text)).map(Some),
            _ => self.wrong_type(name, "a string or null"),
        }
    }

    pub fn optional_line(&mut self, name: &str, max: usize) -> Option<Option<String>> {
        self.optional(name, |text| line(text, max))
    }

    pub fn optional_paragraph(&mut self, name: &str, max: usize) -> Option<Option<String>> {
        self.optional(name, |text| paragraph(text, max))
    }

    /// One of a set of names.
    pub fn one_of<T: Copy>(&mut self, name: &str, names: &[T], spell: impl Fn(T) -> &'static str) -> Option<T> {
        match self.take(name)? {
            Value::String(text) => match names.iter().find(|&&candidate| spell(candidate) == text) {
                Some(&found) => Some(found),
                None => {
                    let known: Vec<_> = names.iter().map(|&candidate| spell(candidate)).collect();
                    self.refuse(name, "invalid_value", format!("must be one of {}", known.join(", ")));
                    None
                }
            },
            _ => self.wrong_type(name, "a string"),
        }
    }

    /// At least one of a set of names, in an array, each once.
    pub fn some_of<T: Copy>(&mut self, name: &str, names: &[T], spell: impl Fn(T) -> &'static str) -> Option<Vec<T>> {
        if !self.has(name) {
            self.refuse(name, "missing", "is required");
            return None;
        }
        let some = self.any_of(name, names, spell)?;
        if some.is_empty() {
            self.refuse(name, "too_short", "must not be empty");
            return None;
        }
        Some(some)
    }

    /// Any number out of a set of names, in an array, each once.
    pub fn any_of<T: Copy>(&mut self, name: &str, names: &[T], spell: impl Fn(T) -> &'static str) -> Option<Vec<T>> {
        let given = match self.take(name)? {
            Value::Array(given) => given,
            _ => return self.wrong_type(name, "an array"),
        };
        let is_given = |candidate: &&T| given.iter().any(|one| one == spell(**candidate));
        let known: Vec<T> = names.iter().filter(is_given).copied().collect();
        let is_known = |one: &Value| names.iter().any(|&candidate| one == spell(candidate));
        if let Some(at) = given.iter().position(|one| !is_known(one)) {
            let spelled: Vec<_> = names.iter().map(|&candidate| spell(candidate)).collect();
            self.refuse_in(name, at, "invalid_value", format!("must be one of {}", spelled.join(", ")));
            return None;
        }
        Some(known)
    }

    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(value) => Some(value),
            _ => self.wrong_type(name, "true or false"),
        }
    }

    /// A time in RFC 3339, cut to milliseconds; `Some(None)` for null.
    pub fn optional_time(&mut self, name: &str) -> Option<Option<DateTime<Utc>>> {
        match self.take(name)? {
            Value::Null => Some(None),
            Value::String(text) => self.checked(name, parse_time(&text)).map(Some),
            _ => self.wrong_type(name, "a time or null"),
        }
    }

    pub fn wrong_type<T>(&mut self, name: &str, expected: &str) -> Option<T> {
        self.refuse(name, "wrong_type", format!("must be {expected}"));
        None
    }

    /// Takes over what a form inside this one found wrong.
    pub fn absorb(&mut self, inner: Form) {
        self.violations.extend(inner.into_violations());
        self.violations.truncate(VIOLATIONS_MAX);
    }

    pub fn pointer_to(&self, name: &str) -> String {
        // RFC 6901 escapes.
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }

    pub fn finish(self) -> Result<()> {
        let violations = self.into_violations();
        if violations.is_empty() { Ok(()) } else { Err(Error::Validation(violations)) }
    }

    /// All that is wrong; what was not taken out is unknown.
    fn into_violations(mut self) -> Vec<Violation> {
        let unknown: Vec<String> = self.fields.keys().take(VIOLATIONS_MAX).cloned().collect();
        for name in unknown {
            self.refuse(&name, "unknown_field", "is not known here");
        }
        self.violations
    }

    fn checked<T>(&mut self, name: &str, result: Result<T, Flaw>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(flaw) => {
                let (code, detail) = describe(&flaw);
                self.refuse(name, code, detail);
                None
            }
        }
    }
}

/// RFC 3339, cut to milliseconds; years that Postgres and JavaScript understand alike.
pub fn parse_time(text: &str) -> Result<DateTime<Utc>, Flaw> {
    use chrono::Datelike;
    DateTime::parse_from_rfc3339(text)
        .ok()
        .filter(|_| text.is_ascii())
        // By way of milliseconds, a leap second is the next one's beginning, as Postgres reads it.
        .and_then(|time| DateTime::from_timestamp_millis(time.timestamp_millis()))
        .filter(|time| (1..=9999).contains(&time.year()))
        .ok_or(Flaw::InvalidFormat("a time such as 2026-11-22T10:20:30Z"))
}

/// Code and words for a flaw.
pub fn describe(flaw: &Flaw) -> (&'static str, String) {
    match flaw {
        Flaw::TooShort { min: 1, .. } => ("too_short", "must not be empty".to_owned()),
        Flaw::TooShort { min, unit } => ("too_short", format!("must have at least {min} {unit}")),
        Flaw::TooLong { max, unit } => ("too_long", format!("must have at most {max} {unit}")),
        Flaw::InvalidCharacters => ("invalid_characters", "has control characters in it".to_owned()),
        Flaw::InvalidFormat(expected) => ("invalid_format", format!("must be {expected}")),
    }
}
