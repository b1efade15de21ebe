//! What is sent, and how it is signed: the Standard Webhooks specification, 1.0.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::domain::event::Event;
use crate::domain::time::to_millis;
use crate::storage::deliveries::{About, Secret};

/// The type of a message that tells of nothing.
pub const TEST: &str = "webhook.test";

const SECRET_PREFIX: &str = "whsec_";

pub fn new_secret() -> Secret {
    rand::random()
}

/// How a secret is shown, and what the libraries of the specification take.
pub fn show_secret(secret: &Secret) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(secret))
}

/// The `webhook-id`, the same at each attempt.
pub fn message_id(delivery: Uuid) -> String {
    format!("msg_{}", delivery.simple())
}

#[derive(Serialize)]
struct Message<'a> {
    r#type: &'a str,
    #[serde(serialize_with = "to_millis")]
    timestamp: DateTime<Utc>,
    data: Value,
}

/// The body. It has no name of a person and no address in it.
pub fn body(about: &About, created_at: DateTime<Utc>) -> String {
    let (kind, timestamp, data) = match about {
        About::Event { event, reference, metadata } => {
            let order = json!({
                "id": event.order_id, "reference": reference, "status": event.status, "version": event.version,
                "metadata": metadata,
            });
            (event.kind.name(), event.recorded_at, json!({ "event": nameless(event), "order": order }))
        }
        About::Test { webhook_id } => (TEST, created_at, json!({ "webhook_id": webhook_id })),
    };
    // Plain data always has a JSON form.
    serde_json::to_string(&Message { r#type: kind, timestamp, data }).unwrap_or_default()
}

fn nameless(event: &Event) -> Value {
    let mut value = json!(event);
    value["actor"] = json!({ "role": event.actor.role });
    value["assignee"] = event.assignee.as_ref().map_or(Value::Null, |assignee| json!({ "id": assignee.id }));
    value
}

/// The `webhook-signature`: one of each secret, separated by blanks.
pub fn signature<S: AsRef<[u8]>>(secrets: &[S], id: &str, timestamp: i64, body: &str) -> String {
    let one = |secret: &S| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_ref()).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret: Vec<u8> = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

        let (old, new): (Secret, Secret) = ([1; 32], [2; 32]);
        let both = signature(&[new, old], "msg_1", 1, "{}");
        let parts: Vec<&str> = both.split(' ').collect();
        assert_eq!(parts, [signature(&[new], "msg_1", 1, "{}"), signature(&[old], "msg_1", 1, "{}")]);
        assert!(parts.iter().all(|part| part.starts_with("v1,")));
    }

    #[test]
    fn secrets_are_shown_as_the_libraries_take_them() {
        let shown = show_secret(&[7; 32]);
        assert_eq!(shown, "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        assert_ne!(new_secret(), new_secret());
    }
}
