//! `Idempotency-Key`: a write that is asked for again is not done again, but gets the answer of the first time. (The IETF's
//! draft "The Idempotency-Key HTTP Header Field".)

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::forms::Body;
use crate::error::{Error, Result};
use crate::journal::{Entry, Journal, Once, Outcome, Rejection, Terms};
use crate::storage::idempotency_keys::Answer;

const HEADER: &str = "Idempotency-Key";
const REPLAYED: &str = "Idempotency-Replayed";
const LENGTH_MAX: usize = 255;

/// Under which key a request came, if it has one, and what it asks.
pub struct Key(Option<(String, [u8; 32])>);

impl Key {
    /// [`Error::InvalidIdempotencyKey`] for what is none, or more than one.
    pub fn read<const LIMIT: usize>(request: &HttpRequest, body: &Body<LIMIT>) -> Result<Key> {
        let mut values = request.headers().get_all(HEADER);
        let Some(value) = values.next() else { return Ok(Key(None)) };
        let value = value.to_str().map_err(|_| Error::InvalidIdempotencyKey)?;
        if values.next().is_some() {
            return Err(Error::InvalidIdempotencyKey);
        }
        let key = parse(value).ok_or(Error::InvalidIdempotencyKey)?;
        let mut asked = Sha256::new();
        for part in [request.method().as_str(), request.path(), request.query_string()] {
            asked.update(part);
            asked.update(b"\n");
        }
        asked.update(body.bytes().unwrap_or_default());
        Ok(Key(Some((key, asked.finalize().into()))))
    }

    /// Writes entries once for this key, and answers what `render` makes of their outcomes: the same each time for the
    /// same outcomes, and an error where there is nothing to keep.
    pub async fn write(
        self,
        journal: &Journal,
        caller_id: Uuid,
        entries: Vec<Entry>,
        terms: Terms,
        render: impl Fn(&[Outcome]) -> Result<Answer> + Send + Sync + 'static,
    ) -> Result<HttpResponse> {
        let render = Arc::new(render);
        let once = self.0.map(|(key, fingerprint)| Once { key, fingerprint, render: render.clone() });
        match journal.append_on(Terms { once, ..terms }, caller_id, entries).await.as_deref() {
            Ok([Err(Rejection::AnsweredBefore(answer))]) | Err(Rejection::AnsweredBefore(answer)) => {
                response(answer, true)
            }
            Ok([Err(rejection @ (Rejection::KeyInProgress | Rejection::KeyReused))]) | Err(rejection) => {
                Err(rejection.clone().into())
            }
            Ok(outcomes) => response(&render(outcomes)?, false),
        }
    }
}

/// An answer in JSON.
pub fn json(status: StatusCode, headers: BTreeMap<String, String>, body: &impl Serialize) -> Result<Answer> {
    let body = serde_json::to_string(body).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Answer { status: status.as_u16(), headers, body })
}

fn response(answer: &Answer, is_replayed: bool) -> Result<HttpResponse> {
    let status = StatusCode::from_u16(answer.status).map_err(|error| Error::Internal(error.to_string()))?;
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        response.insert_header((name.as_str(), value.as_str()));
    }
    if is_replayed {
        response.insert_header((REPLAYED, "true"));
    }
    Ok(response.insert_header((CONTENT_TYPE, "application/json")).body(answer.body.clone()))
}

/// A string of structured field values (RFC 9651), or what stands there without quotes.
fn parse(value: &str) -> Option<String> {
    let value = value.trim();
    let key = match value.strip_prefix('"') {
        None => value.to_owned(),
        Some(rest) => {
            let mut key = String::new();
            let mut letters = rest.strip_suffix('"')?.chars();
            while let Some(letter) = letters.next() {
                match letter {
                    '"' => return None,
                    '\\' => key.push(letters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
                    plain => key.push(plain),
                }
            }
            key
        }
    };
    let is_visible = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (is_visible && (1..=LENGTH_MAX).contains(&key.len())).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_bare_or_in_quotes() {
        for (value, key) in [
            ("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            ("\"8e03978e\"", "8e03978e"),
            (" order 7 ", "order 7"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (r#"a"b"#, r#"a"b"#),
        ] {
            assert_eq!(parse(value).as_deref(), Some(key), "{value}");
        }
        assert_eq!(parse(&"x".repeat(255)).map(|key| key.len()), Some(255));
        for value in ["", " ", "\"\"", "\"", "\"a", r#""a"b""#, r#""a\b""#, r#""a\""#, "é", "a\tb", &"x".repeat(256)] {
            assert_eq!(parse(value), None, "{value:?}");
        }
    }
}
