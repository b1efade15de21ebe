//! The commands that are more than a call.

pub mod demo;
pub mod doctor;
pub mod invite;
