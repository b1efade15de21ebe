//! Postgres. All SQL is here, a file for each family of tables; nothing here knows HTTP or decides what may happen.

pub mod accounts;
pub mod api_keys;
pub mod db;
pub mod deliveries;
pub mod delivery_log;
pub mod events;
pub mod idempotency_keys;
pub mod invitations;
pub mod journal;
pub mod migrations;
pub mod orders;
pub mod schema;
mod search;
pub mod sessions;
pub mod tracking;
pub mod webhooks;
