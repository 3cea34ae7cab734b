//! One file per concern.

mod equivocation;
mod genesis;
mod membership;
mod offences;
mod properties;
mod silence;
