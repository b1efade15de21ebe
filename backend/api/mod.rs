//! HTTP. `routes` is the whole URL table; each resource has a file with its handlers, which extract, call and reply.

pub mod api_keys;
pub mod apps;
pub mod assignee;
pub mod batch;
pub mod counts;
pub mod cursor;
pub mod details;
pub mod events;
pub mod export;
pub mod feed;
pub mod forms;
pub mod health;
pub mod idempotency;
pub mod invitations;
pub mod live;
pub mod me;
pub mod movers;
pub mod orders;
pub mod preconditions;
pub mod queries;
pub mod routes;
pub mod sessions;
pub mod track;
pub mod views;
pub mod webhooks;
