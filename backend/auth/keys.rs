//! Keys made from JWT_SECRET, one for each purpose: what signs access tokens signs nothing else.

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

pub type HmacSha256 = Hmac<Sha256>;

/// An HMAC with the key for a purpose. A zero byte ends each part of its name, so that no two run into one another.
pub fn keyed_for<P: AsRef<[u8]>>(secret: &SecretString, purpose: impl IntoIterator<Item = P>) -> HmacSha256 {
    let mut mac = keyed(secret.expose_secret().as_bytes());
    for part in purpose {
        mac.update(part.as_ref());
        mac.update(b"\0");
    }
    keyed(&mac.finalize().into_bytes())
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}
