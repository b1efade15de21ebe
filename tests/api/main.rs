//! The server as its users meet it: over HTTP and the live socket, on a real Postgres and Redis.
//!
//! Each test has a database and a Redis prefix of its own. `support` is what they stand on.

mod support;

mod accounts;
mod api_keys;
mod apps;
mod assignee;
mod authorisation;
mod bad_input;
mod batch;
mod cli;
mod clients;
mod contract;
mod events;
mod examples;
mod export;
mod faults;
mod feed;
mod fuzz;
mod guide;
mod idempotency;
mod invitations;
mod ledger;
mod limits;
mod live;
mod migrations;
mod order_batch;
mod orders;
mod races;
mod restored;
mod schemathesis;
mod sweeping;
mod tokens;
mod tracking;
mod webhooks;
