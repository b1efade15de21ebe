//! Who is asking: passwords, the tokens that stand for them, and the extractors that put authority in a handler's
//! signature.
//!
//! An access token is believed without a look into Postgres; `revocations` is what makes it end early all the same.

pub mod api_keys;
pub mod extractors;
pub mod invitations;
pub mod keys;
pub mod passwords;
pub mod refresh;
pub mod revocations;
pub mod sweeper;
pub mod tokens;
