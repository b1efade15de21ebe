//! One attempt: a POST that ends within fifteen seconds, whatever the receiver does.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, redirect};
use tokio::time::Instant;
use url::Host;
use uuid::Uuid;

use super::address::Guard;
use super::message::{body, message_id, signature};
use super::names::Names;
use super::schedule;
use crate::storage::deliveries::{Attempted, Due, Endpoint};

const TIME_LIMIT: Duration = Duration::from_secs(15);
/// For what an answer says beside its status.
const READING_LIMIT: Duration = Duration::from_secs(1);
/// What is kept of an answer, in bytes.
const RESPONSE_MAX: usize = 1024;
/// What is kept of an error, in characters.
const ERROR_MAX: usize = 300;
/// As many as an endpoint may have under way.
const IDLE_CONNECTIONS: usize = 4;
const NAME: &str = concat!("Order-Tracker/", env!("CARGO_PKG_VERSION"));

pub struct Sender {
    guard: Guard,
    names: Arc<Names>,
    https: Client,
    http: Client,
}

struct Answer {
    status: u16,
    text: String,
    retry_after: Option<Duration>,
}

impl Sender {
    pub fn new(guard: Guard) -> reqwest::Result<Sender> {
        let names = Arc::new(Names::new());
        let client = |is_https| {
            Client::builder()
                .dns_resolver(guard.resolver(names.clone(), is_https))
                // A redirect could lead anywhere; a proxy of the environment would connect in our place.
                .redirect(redirect::Policy::none())
                .no_proxy()
                .https_only(is_https)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .pool_idle_timeout(Duration::from_secs(30))
                .tcp_nodelay(true)
                .build()
        };
        Ok(Sender { https: client(true)?, http: client(false)?, guard, names })
    }

    /// Attempts a delivery and says what becomes of it.
    pub async fn attempt(&self, webhook_id: Uuid, endpoint: &Endpoint, due: &Due) -> Attempted {
        let (started_at, began) = (Utc::now(), Instant::now());
        let answered = self.post(endpoint, due, started_at).await;
        let mut attempted = Attempted {
            webhook_id,
            delivery_id: due.id,
            attempts_before: due.attempts,
            asked_again: due.asked_again,
            started_at,
            status: None,
            error: None,
            duration: began.elapsed(),
            response: None,
            again_after: None,
            pause: None,
            url: endpoint.url.clone(),
        };
        let mut retry_after = None;
        match answered {
            Ok(answer) => {
                attempted.status = Some(answer.status);
                attempted.response = Some(answer.text).filter(|text| !text.is_empty());
                retry_after = answer.retry_after.filter(|_| matches!(answer.status, 429 | 503));
            }
            Err(error) => attempted.error = Some(error.replace('\0', "").chars().take(ERROR_MAX).collect()),
        }
        if !attempted.has_succeeded() {
            let attempts = usize::try_from(due.attempts).unwrap_or(0) + 1;
            attempted.again_after = schedule::pause_after(attempts, rand::random(), retry_after);
            // What it says of one message it means of all.
            attempted.pause = retry_after.map(|pause| pause.min(schedule::PAUSE_MAX));
        }
        attempted
    }

    async fn post(&self, endpoint: &Endpoint, due: &Due, now: DateTime<Utc>) -> Result<Answer, String> {
        // Again at each attempt: what may be reached may have changed.
        let url = self.guard.check(&endpoint.url).map_err(|refused| format!("the URL {refused}"))?;
        let (id, timestamp, body) = (message_id(due.id), now.timestamp(), body(&due.about, due.created_at));
        let signature = signature(&endpoint.secrets, &id, timestamp, &body);
        if let Some(Host::Domain(name)) = url.host() {
            // Before the receiver's time begins; and nobody waits for the names of others.
            self.names.look_up_for(endpoint.account_id, name).await?;
        }
        let client = if url.scheme() == "https" { &self.https } else { &self.http };
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, NAME)
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        let response = match tokio::time::timeout(TIME_LIMIT, request.send()).await {
            Ok(sent) => sent.map_err(|error| in_words(&error))?,
            Err(_) => return Err(format!("no answer within {} seconds", TIME_LIMIT.as_secs())),
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| pause(value.to_str().ok()?, now));
        let mut text = Vec::new();
        let mut stream = response.bytes_stream();
        // Whatever more it sends is nobody's concern; nor whether it breaks off, or does not end.
        let reading = async {
            while let Some(Ok(chunk)) = stream.next().await {
                text.extend_from_slice(&chunk[..chunk.len().min(RESPONSE_MAX - text.len())]);
                if text.len() >= RESPONSE_MAX {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(READING_LIMIT, reading).await;
        // Postgres keeps no zero bytes.
        let text = String::from_utf8_lossy(&text).replace('\0', "\u{fffd}");
        Ok(Answer { status, text, retry_after })
    }
}

/// `Retry-After`: seconds, or a time.
fn pause(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let is_number = !value.trim().is_empty() && value.trim().bytes().all(|byte| byte.is_ascii_digit());
    match value.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        // Longer than there are numbers for.
        Err(_) if is_number => Some(Duration::MAX),
        Err(_) => (DateTime::parse_from_rfc2822(value.trim()).ok()?.with_timezone(&Utc) - now).to_std().ok(),
    }
}

/// The causes, without the URL, which may hold what is nobody's business.
fn in_words(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        // OpenSSL's is said by each layer above it.
        if !words.iter().any(|said| said.contains(&text)) {
            words.push(text);
        }
        cause = error.source();
    }
    if words.is_empty() { "the request failed".to_owned() } else { words.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_time() {
        let now = DateTime::parse_from_rfc3339("2026-11-26T10:00:00Z").unwrap().with_timezone(&Utc);
        assert_eq!(pause("120", now), Some(Duration::from_secs(120)));
        assert_eq!(pause("Thu, 26 Nov 2026 10:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(pause("Thu, 26 Nov 2026 09:00:00 GMT", now), None);
        assert_eq!(pause("99999999999999999999999", now), Some(Duration::MAX));
        assert_eq!(pause("soon", now), None);
        assert_eq!(pause("", now), None);
        assert_eq!(pause("-1", now), None);
    }
}
