//! What an order tracker is, without I/O: no SQL, no HTTP, no clock.
//!
//! `order` holds the one state machine; everything that changes an order is a function there that takes the order,
//! what is asked, who asks and the time, and gives back the event or a refusal.

pub mod account;
pub mod event;
pub mod ids;
pub mod order;
pub mod scope;
pub mod session;
pub mod status;
pub mod text;
pub mod time;
