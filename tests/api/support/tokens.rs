//! Tokens as an attacker would make them, without the server's own code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use super::JWT_SECRET;

/// The same, good for longer than any test takes.
pub fn lasting(token: &str) -> String {
    let token = Token::read(token);
    let expiry = token.claims["exp"].as_i64().expect("an expiry") + 24 * 3600;
    token.with("exp", json!(expiry)).signed()
}

/// A token taken apart.
#[derive(Clone, Debug)]
pub struct Token {
    pub header: Value,
    pub claims: Value,
}

impl Token {
    pub fn read(token: &str) -> Token {
        let mut parts = token.split('.').map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            serde_json::from_slice(&bytes).unwrap_or(Value::Null)
        });
        Token { header: parts.next().expect("a header"), claims: parts.next().expect("claims") }
    }

    pub fn with(mut self, claim: &str, value: Value) -> Token {
        self.claims[claim] = value;
        self
    }

    pub fn without(mut self, claim: &str) -> Token {
        self.claims.as_object_mut().expect("an object").remove(claim);
        self
    }

    /// Signed properly, with the server's secret.
    pub fn signed(self) -> String {
        self.signed_with(JWT_SECRET)
    }

    pub fn signed_with(self, secret: &str) -> String {
        let input = self.input();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        mac.update(input.as_bytes());
        join(&input, &mac.finalize().into_bytes())
    }

    /// Properly signed with the right secret, but by another algorithm.
    pub fn signed_by(mut self, algorithm: &str) -> String {
        self.header["alg"] = json!(algorithm);
        let input = self.input();
        let signature = match algorithm {
            "HS384" => {
                let mut mac = Hmac::<Sha384>::new_from_slice(JWT_SECRET.as_bytes()).expect("any length");
                mac.update(input.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
            "HS512" => {
                let mut mac = Hmac::<Sha512>::new_from_slice(JWT_SECRET.as_bytes()).expect("any length");
                mac.update(input.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
            // What says RS256 or nothing at all, and is signed as HS256.
            _ => {
                let mut mac = Hmac::<Sha256>::new_from_slice(JWT_SECRET.as_bytes()).expect("any length");
                mac.update(input.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
        };
        join(&input, &signature)
    }

    /// `alg: none`, and nothing after the last dot.
    pub fn unsigned(mut self) -> String {
        self.header["alg"] = json!("none");
        format!("{}.", self.input())
    }

    fn input(&self) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}", encode(&self.header), encode(&self.claims))
    }
}

fn join(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}
