//! Order Tracker. Modules in reading order; ARCHITECTURE.md walks through them.

pub mod api;
pub mod auth;
pub mod config;
pub mod domain;
pub mod error;
pub mod journal;
pub mod limits;
pub mod live;
pub mod redis_link;
pub mod server;
pub mod storage;
pub mod track;
mod unread;
pub mod webhooks;

/// The tests compile what integrators are told to copy.
#[cfg(doctest)]
#[doc = include_str!("../docs/webhooks.md")]
struct DocsOfWebhooks;
