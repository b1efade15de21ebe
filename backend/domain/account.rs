//! Accounts: realms, roles, and what an email, a password and a name are.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::status::named;
use super::text::{Flaw, line};

named! {
    /// Which of the two logins an account, a token or a cookie belongs to.
    Realm { Users = "users", Movers = "movers" }
}

named! {
    Role { User = "user", Mover = "mover", Admin = "admin" }
}

impl Role {
    pub fn realm(self) -> Realm {
        match self {
            Role::User => Realm::Users,
            Role::Mover | Role::Admin => Realm::Movers,
        }
    }
}

/// A name with the ID of its account, as orders and events show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: Uuid,
    pub name: String,
}

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub id: Uuid,
    pub name: String,
    pub role: Role,
}

impl Caller {
    pub fn person(&self) -> Person {
        Person { id: self.id, name: self.name.clone() }
    }
}

/// Something, an @, something, at most 254 characters and no blanks. Whether it reaches anybody, only a mail can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub const MAX: usize = 254;

    pub fn parse(typed: &str) -> Result<Email, Flaw> {
        let email = line(typed, Self::MAX)?;
        let well_formed = email
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.starts_with('.'));
        if !well_formed || email.chars().any(|c| c.is_whitespace() || matches!(c, '\u{200c}' | '\u{200d}')) {
            return Err(Flaw::InvalidFormat("an email address"));
        }
        Ok(Email(email))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 8 to 72 bytes: bcrypt reads no further than 72, and what it would cut off must not seem to count.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    pub fn parse(typed: &str) -> Result<Password, Flaw> {
        match typed.len() {
            0..8 => Err(Flaw::TooShort { min: 8, unit: "bytes" }),
            73.. => Err(Flaw::TooLong { max: 72, unit: "bytes" }),
            _ if typed.contains('\0') => Err(Flaw::InvalidCharacters),
            _ => Ok(Password(SecretString::from(typed))),
        }
    }

    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

pub const NAME_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_8_to_72_bytes() {
        assert!(Password::parse("1234567").is_err());
        assert!(Password::parse("12345678").is_ok());
        assert!(Password::parse(&"x".repeat(72)).is_ok());
        assert!(Password::parse(&"x".repeat(73)).is_err());
        assert!(Password::parse(&"é".repeat(37)).is_err(), "bytes count, not characters");
        assert!(Password::parse("12345678\0").is_err());
    }

    #[test]
    fn emails_have_two_sides() {
        for good in ["a@b", "uma@shop.example", " uma@shop.example ", "o'neil+x@shop.example"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "uma", "@shop", "uma@", "u ma@shop", "uma@shop\n.example", "a@.b"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@shop.example", "x".repeat(250))).is_err());
    }
}
