//! Refresh tokens: what a browser keeps in an HttpOnly cookie to get new access tokens, and what it means when an old
//! one comes back.
//!
//! A token is base64url of session ID (16 bytes), generation (4 bytes, big-endian) and their HMAC-SHA256. Nothing of it
//! is stored: the session's row knows the newest generation, and a lost answer can be given again, the same to the byte.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use secrecy::SecretString;
use uuid::Uuid;

use super::keys::{HmacSha256, keyed_for};
use crate::domain::account::Realm;
use crate::domain::session::{LIFETIME, Presented};
use crate::error::{Error, Result};

const BODY_LENGTH: usize = 16 + 4;
const TOKEN_LENGTH: usize = BODY_LENGTH + 32;

/// Makes and checks the refresh tokens of one realm.
pub struct RefreshTokens {
    mac: HmacSha256,
}

impl RefreshTokens {
    pub fn new(secret: &SecretString, realm: Realm) -> RefreshTokens {
        RefreshTokens { mac: keyed_for(secret, ["refresh", realm.name()]) }
    }

    pub fn token(&self, session_id: Uuid, generation: i32) -> String {
        let mut token = Vec::with_capacity(TOKEN_LENGTH);
        token.extend_from_slice(session_id.as_bytes());
        token.extend_from_slice(&generation.to_be_bytes());
        let mac = self.mac.clone().chain_update(&token).finalize().into_bytes();
        token.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// [`Error::InvalidToken`] for what this realm never handed out.
    pub fn read(&self, token: &str) -> Result<Presented> {
        let token = URL_SAFE_NO_PAD.decode(token).map_err(|_| Error::InvalidToken)?;
        let token: &[u8; TOKEN_LENGTH] = token.as_slice().try_into().map_err(|_| Error::InvalidToken)?;
        let (body, mac) = token.split_at(BODY_LENGTH);
        self.mac.clone().chain_update(body).verify_slice(mac).map_err(|_| Error::InvalidToken)?;
        let (session_id, generation) = body.split_at(16);
        match (session_id.try_into(), generation.try_into()) {
            (Ok(id), Ok(generation)) => {
                Ok(Presented { session_id: Uuid::from_bytes(id), generation: i32::from_be_bytes(generation) })
            }
            _ => Err(Error::InvalidToken),
        }
    }
}

/// The cookie that carries a refresh token. Only the paths that need it get it, and no other site can make them.
pub fn cookie(realm: Realm, token: String, is_https: bool) -> Cookie<'static> {
    Cookie::build(cookie_name(realm), token)
        .path(format!("/api/v1/{realm}/sessions"))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(is_https)
        .max_age(time::Duration::seconds(LIFETIME.num_seconds()))
        .finish()
}

/// The same cookie, empty and expired.
pub fn cleared_cookie(realm: Realm, is_https: bool) -> Cookie<'static> {
    let mut cookie = cookie(realm, String::new(), is_https);
    cookie.make_removal();
    cookie
}

/// The refresh token that came with a request, unread.
pub fn cookie_of(request: &HttpRequest, realm: Realm) -> Option<String> {
    request.cookie(cookie_name(realm)).map(|cookie| cookie.value().to_owned())
}

fn cookie_name(realm: Realm) -> &'static str {
    match realm {
        Realm::Users => "ot_users_refresh",
        Realm::Movers => "ot_movers_refresh",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(realm: Realm) -> RefreshTokens {
        RefreshTokens::new(&SecretString::from("0123456789abcdef0123456789abcdef"), realm)
    }

    #[test]
    fn a_token_names_its_session_and_generation() {
        let session_id = Uuid::now_v7();
        for generation in [1, 2, i32::MAX] {
            let token = tokens(Realm::Users).token(session_id, generation);
            assert_eq!(tokens(Realm::Users).read(&token).unwrap(), Presented { session_id, generation });
            assert_eq!(token, tokens(Realm::Users).token(session_id, generation), "a lost answer can be given again");
        }
    }

    #[test]
    fn what_was_not_handed_out_here_is_invalid() {
        let token = tokens(Realm::Users).token(Uuid::now_v7(), 7);
        assert!(matches!(tokens(Realm::Movers).read(&token), Err(Error::InvalidToken)), "the other realm's");
        let other = RefreshTokens::new(&SecretString::from("another secret of at least 32 bytes"), Realm::Users);
        assert!(matches!(other.read(&token), Err(Error::InvalidToken)), "another secret's");
        for at in 0..token.len() {
            let mut tampered = token.clone().into_bytes();
            tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
            let tampered = String::from_utf8(tampered).unwrap();
            assert!(matches!(tokens(Realm::Users).read(&tampered), Err(Error::InvalidToken)), "at {at}");
        }
        for garbage in ["", "A", "é", &token[1..], &format!("{token}A"), &format!("{token}==")] {
            assert!(matches!(tokens(Realm::Users).read(garbage), Err(Error::InvalidToken)), "{garbage:?}");
        }
    }

    #[test]
    fn cookies_go_to_their_realms_sessions_only() {
        assert_eq!(
            cookie(Realm::Users, "token".into(), true).to_string(),
            "ot_users_refresh=token; HttpOnly; SameSite=Strict; Secure; Path=/api/v1/users/sessions; Max-Age=2592000"
        );
        let cleared = cleared_cookie(Realm::Movers, false).to_string();
        assert!(
            cleared
                .starts_with("ot_movers_refresh=; HttpOnly; SameSite=Strict; Path=/api/v1/movers/sessions; Max-Age=0")
        );
    }
}
