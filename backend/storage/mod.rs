//! Postgres. All SQL is here, a file for each family of tables; nothing here knows HTTP or decides what may happen.

pub mod accounts;
pub mod db;
pub mod events;
pub mod invitations;
pub mod journal;
pub mod migrations;
pub mod orders;
pub mod schema;
mod search;
pub mod sessions;
pub mod tracking;
