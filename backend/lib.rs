//! Order Tracker. Modules in reading order; ARCHITECTURE.md walks through them.

pub mod domain;
