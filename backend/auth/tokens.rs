//! Access tokens: JWTs (RFC 7519) signed with HS256, good for ten minutes, worthless in the other realm.

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::extractors::{Credential, Identity};
use crate::domain::account::{Realm, Role};
use crate::error::{Error, Result};

/// How long an access token is good for.
pub const LIFETIME: Duration = Duration::minutes(10);

const ISSUER: &str = "order-tracker";

/// Makes and checks access tokens with one secret.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: Realm,
    sub: Uuid,
    role: Role,
    /// The session, so that ending it ends its tokens.
    sid: Uuid,
    /// Seconds since 1970; from then on the token has expired.
    exp: i64,
}

impl Tokens {
    pub fn new(secret: &SecretString) -> Tokens {
        let key = secret.expose_secret().as_bytes();
        // The algorithm is ours to say, never the token's.
        let mut validation = Validation::new(Algorithm::HS256);
        // Asked below: the library takes a token for good "on" that second, and a negative one for malformed.
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&Realm::ALL.iter().map(|realm| realm.name()).collect::<Vec<_>>());
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        Tokens { signing: EncodingKey::from_secret(key), verifying: DecodingKey::from_secret(key), validation }
    }

    /// A token that is good from now on for [`LIFETIME`].
    pub fn issue(&self, identity: &Identity, now: DateTime<Utc>) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: identity.role.realm(),
            sub: identity.account_id,
            role: identity.role,
            sid: identity.credential.id(),
            exp: (now + LIFETIME).timestamp(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing).unwrap_or_else(|error| {
            // Plain claims and an HMAC can't fail; if they did, no token would be the safe answer.
            tracing::error!(%error, "an access token can't be signed");
            String::new()
        })
    }

    /// Whom a token stands for, and when it expires. [`Error::TokenExpired`] only for what was a token of ours;
    /// everything else that is wrong with one is [`Error::InvalidToken`]. Which realm it is good in, the caller asks.
    pub fn verify(&self, token: &str) -> Result<(Identity, DateTime<Utc>)> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation);
        let claims = claims.map_err(|_| Error::InvalidToken)?.claims;
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(Error::InvalidToken)?;
        if claims.role.realm() != claims.aud {
            return Err(Error::InvalidToken);
        }
        // RFC 7519, 4.1.4: not on or after that time.
        if expires_at <= Utc::now() {
            return Err(Error::TokenExpired);
        }
        Ok((
            Identity { account_id: claims.sub, role: claims.role, credential: Credential::Session(claims.sid) },
            expires_at,
        ))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn tokens() -> Tokens {
        Tokens::new(&SecretString::from(SECRET))
    }

    fn mover() -> Identity {
        Identity { account_id: Uuid::now_v7(), role: Role::Mover, credential: Credential::Session(Uuid::now_v7()) }
    }

    fn claims(change: impl FnOnce(&mut Value)) -> Value {
        let mut claims = json!({
            "iss": "order-tracker", "aud": "movers", "sub": Uuid::now_v7(), "role": "mover", "sid": Uuid::now_v7(),
            "exp": Utc::now().timestamp() + 60,
        });
        change(&mut claims);
        claims
    }

    fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    fn assert_invalid(token: &str, what: &str) {
        let answer = tokens().verify(token);
        assert!(matches!(answer, Err(Error::InvalidToken)), "{what}: {answer:?}");
    }

    #[test]
    fn what_was_issued_is_good_for_ten_minutes() {
        let (identity, now) = (mover(), Utc::now());
        let (verified, expires_at) = tokens().verify(&tokens().issue(&identity, now)).unwrap();
        assert_eq!(
            (verified.account_id, verified.role, verified.credential),
            (identity.account_id, identity.role, identity.credential)
        );
        assert_eq!(expires_at.timestamp(), now.timestamp() + 600);
    }

    #[test]
    fn expired_is_told_from_invalid() {
        let old = tokens().issue(&mover(), Utc::now() - LIFETIME);
        assert!(matches!(tokens().verify(&old), Err(Error::TokenExpired)));
        for exp in [Utc::now().timestamp(), 0, -1] {
            let expired = signed(Algorithm::HS256, SECRET, &claims(|claims| claims["exp"] = json!(exp)));
            assert!(matches!(tokens().verify(&expired), Err(Error::TokenExpired)), "{exp}");
        }
        let forged =
            signed(Algorithm::HS256, "another secret of at least 32 bytes", &claims(|claims| claims["exp"] = json!(1)));
        assert_invalid(&forged, "expired, but not ours");
    }

    #[test]
    fn tokens_of_other_algorithms_and_keys_are_invalid() {
        let good = claims(|_| {});
        assert!(tokens().verify(&signed(Algorithm::HS256, SECRET, &good)).is_ok());
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            assert_invalid(&signed(algorithm, SECRET, &good), "same key, other algorithm");
        }
        assert_invalid(&signed(Algorithm::HS256, "another secret of at least 32 bytes", &good), "other key");

        // What the header claims, with the rest as it was: nobody's signature, and our own.
        let token = signed(Algorithm::HS256, SECRET, &good);
        let mut parts = token.split('.');
        let (_, payload, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        for algorithm in ["none", "None", "NONE", "", "RS256", "ES256", "EdDSA", "HS384", "hs256"] {
            let header = URL_SAFE_NO_PAD.encode(json!({"typ": "JWT", "alg": algorithm}).to_string());
            assert_invalid(&format!("{header}.{payload}."), algorithm);
            assert_invalid(&format!("{header}.{payload}.{signature}"), algorithm);
        }
        for garbage in ["", ".", "..", "...", "a.b.c", "Bearer", payload, &token[1..], &format!("{token}A"), "é.ü.ß"]
        {
            assert_invalid(garbage, "garbage");
        }
    }

    #[test]
    fn every_claim_is_required_and_verified() {
        for name in ["iss", "aud", "sub", "role", "sid", "exp"] {
            let without = claims(|claims| _ = claims.as_object_mut().unwrap().remove(name));
            assert_invalid(&signed(Algorithm::HS256, SECRET, &without), name);
            for wrong in [json!(null), json!(""), json!("root"), json!(0.5), json!([]), json!({})] {
                let changed = claims(|claims| claims[name] = wrong.clone());
                assert_invalid(&signed(Algorithm::HS256, SECRET, &changed), &format!("{name}: {wrong}"));
            }
        }
        let both = claims(|claims| claims["aud"] = json!(["users", "movers"]));
        assert_invalid(&signed(Algorithm::HS256, SECRET, &both), "two audiences");
    }

    #[test]
    fn a_role_belongs_to_its_realm() {
        for (realm, role) in [("users", "mover"), ("users", "admin"), ("movers", "user")] {
            let crossed = claims(|claims| (claims["aud"], claims["role"]) = (json!(realm), json!(role)));
            assert_invalid(&signed(Algorithm::HS256, SECRET, &crossed), role);
        }
    }
}
