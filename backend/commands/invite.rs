//! `invite`: how the first admin gets in. Needs Postgres and nothing else.

use std::process::ExitCode;

use diesel::Connection;
use order_tracker::auth::invitations::{link, new_token};
use order_tracker::domain::account::Role;
use order_tracker::error::Error;
use order_tracker::storage::{accounts, db, invitations, migrations};

use crate::{Failure, config_without_secrets};

/// Prints the link and nothing else on stdout.
pub fn run(admin: bool, if_none: bool) -> Result<ExitCode, Failure> {
    let config = config_without_secrets()?;
    let mut connection = db::connect(&config.database_url)?;
    if !migrations::is_current(&mut connection)? {
        return Err("the database is not up to date: run `order-tracker migrate`".into());
    }
    let role = if admin { Role::Admin } else { Role::Mover };
    let token = new_token();
    let made = connection.transaction(|connection| {
        if if_none && accounts::has_active_admin(connection)? {
            return Ok(false);
        }
        invitations::create(connection, &token, role, None, None).map(|_| true)
    });
    if made.map_err(explain)? {
        println!("{}", link(&config.public_url, &token));
    }
    Ok(ExitCode::SUCCESS)
}

/// The words for what is hidden from callers of the API.
pub fn explain(error: Error) -> Failure {
    match error {
        Error::Internal(cause) => cause.into(),
        other => other.into(),
    }
}
