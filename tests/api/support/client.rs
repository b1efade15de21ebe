//! Requests and answers over HTTP. Each answer is checked against the contract before a test sees it.

use std::future::{Future, IntoFuture};
use std::ops::Index;
use std::pin::Pin;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::contract::{Answer, CONTRACT};

/// Nothing takes longer, or it hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request that is sent when it is awaited.
#[must_use = "a request is sent when it is awaited"]
pub struct Request {
    http: reqwest::Client,
    base: String,
    method: Method,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    in_contract: bool,
    /// Says itself that the server accepts it although the contract does not.
    is_mixed: bool,
}

impl Request {
    /// `path` begins with a slash and may hold a query.
    pub fn new(http: &reqwest::Client, base: &str, method: Method, path: &str) -> Request {
        Request {
            http: http.clone(),
            base: base.to_owned(),
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
            in_contract: true,
            is_mixed: false,
        }
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Request {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub fn without_header(mut self, name: &str) -> Request {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub fn bearer(self, token: &str) -> Request {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Request {
        self.body("application/json", body.to_string())
    }

    /// Any bytes, under any media type.
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Request {
        self.body = Some(body.into());
        self.header("content-type", media_type)
    }

    /// For what the contract does not speak of: the apps' files, unknown paths.
    pub fn off_contract(mut self) -> Request {
        self.in_contract = false;
        self
    }

    /// For a batch that is accepted as a whole though some of its items are no good.
    pub fn mixed(mut self) -> Request {
        self.is_mixed = true;
        self
    }

    pub async fn send(self) -> Reply {
        match tokio::time::timeout(PATIENCE, self.try_send()).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => panic!("no answer: {error:?}"),
            Err(_) => panic!("no answer within {PATIENCE:?}"),
        }
    }

    /// For tests in which a connection may be cut.
    pub async fn try_send(self) -> reqwest::Result<Reply> {
        let mut request = self.http.request(self.method.clone(), format!("{}{}", self.base, self.path));
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.as_slice());
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?.to_vec();
        let reply = Reply {
            request: format!("{} {}", self.method, self.path),
            status,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
            headers,
            body,
        };
        if self.in_contract {
            self.check(&reply);
        }
        Ok(reply)
    }

    fn check(&self, reply: &Reply) {
        let path = self.path.split('?').next().unwrap_or_default();
        let operation = CONTRACT.find(&self.method, path).unwrap_or_else(|| {
            panic!("{} {path} is not in openapi.yaml; off_contract() says that this is meant", self.method)
        });
        CONTRACT.check_answer(operation, &Answer { status: reply.status, headers: &reply.headers, body: &reply.body });
        let sent = self.body.as_deref().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        if let Some(sent) = sent.filter(|_| (200..300).contains(&reply.status) && !self.is_mixed) {
            let media_type = self.headers.iter().find(|(name, _)| name == "content-type");
            let media_type =
                media_type.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
            let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            CONTRACT.check_accepted_request(operation, &essence, &sent);
        }
    }
}

impl IntoFuture for Request {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// Sends requests at the same time; the answers are in their order.
pub async fn all(requests: impl IntoIterator<Item = Request>) -> Vec<Reply> {
    futures_util::future::join_all(requests.into_iter().map(Request::send)).await
}

/// An answer that keeps to the contract.
#[derive(Debug, Clone)]
pub struct Reply {
    request: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Null when the body is not JSON.
    pub json: Value,
}

impl Reply {
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text());
        self
    }

    /// Expects a problem with this status and code, and gives it back.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.json["code"].as_str()),
            (status, Some(code)),
            "{}: {}",
            self.request,
            self.text()
        );
        self.json
    }

    /// Expects 422, and gives back pointer and code of each violation, sorted.
    #[track_caller]
    pub fn violations(self) -> Vec<(String, String)> {
        let problem = self.refused(422, "validation_failed");
        let mut violations: Vec<_> = problem["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|error| (text(&error["pointer"]).to_owned(), text(&error["code"]).to_owned()))
            .collect();
        violations.sort();
        violations
    }

    /// Expects 422 with exactly these violations, in any order.
    #[track_caller]
    pub fn invalid(self, expected: &[(&str, &str)]) {
        let mut expected: Vec<_> =
            expected.iter().map(|(pointer, code)| (pointer.to_string(), code.to_string())).collect();
        expected.sort();
        let request = self.request.clone();
        assert_eq!(self.violations(), expected, "{request}");
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The list under `data`.
    #[track_caller]
    pub fn data(&self) -> &Vec<Value> {
        self.json["data"].as_array().unwrap_or_else(|| panic!("{}: no data in {}", self.request, self.text()))
    }
}

impl Index<&str> for Reply {
    type Output = Value;
    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}

/// The text of a JSON string.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

/// Percent-encodes for a path segment or a query value.
pub fn encode(raw: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    raw.bytes().map(|byte| if plain(&byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}
