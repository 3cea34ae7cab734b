//! Tests, one file per concern.

mod api;
mod commands;
mod enrolment;
mod events;
mod gaming;
mod groups;
mod measuring;
mod programmes;
mod properties;
mod recording;
mod rewards;
mod stepping;
mod triggers;
