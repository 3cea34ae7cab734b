//! The independent recount: what everyone metered, from the profiles; what everyone owes and is owed, from
//! trades and tariff; and whether the chain says the same, to the watt-hour and to the planck.
//!
//! It shares no code with the pallets, nor with the replay that feeds the simulated meters: it reads the
//! files by itself, and computes by the rules of the protocol as they are written down.

pub mod compare;
pub mod energy;
pub mod money;
