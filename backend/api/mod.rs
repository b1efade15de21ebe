//! HTTP. `routes` is the whole URL table; each resource has a file with its handlers, which extract, call and reply.

pub mod forms;
pub mod routes;
