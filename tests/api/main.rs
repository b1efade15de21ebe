//! The server as its users meet it: over HTTP and the live socket, on a real Postgres and Redis.
//!
//! Each test has a database and a Redis prefix of its own. `support` is what they stand on.

mod support;

mod contract;
