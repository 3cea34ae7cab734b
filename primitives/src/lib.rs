//! # Gridweave primitives
//!
//! What every part of Gridweave shares: units, identifiers, the settlement clock, the record a meter
//! signs, and the small traits by which pallets speak to one another. There is no pallet here, and no
//! storage; behaviour that several pallets need (period arithmetic, the cost of energy, what an order
//! locks) lives here as pure functions.
//!
//! | module | holds |
//! |---|---|
//! | [`units`] | energy, power, price, money: integers with their unit in the type |
//! | [`ids`] | identifiers, and big-endian storage keys that keep their order in the trie |
//! | [`clock`] | settlement periods and the phases of their life |
//! | [`reading`] | the record a device signs, its signature, the page a gateway serves |
//! | [`device`] | device keys and the proof of possession given at registration |
//! | [`ingest`] | the authority's key and the batch it signs |
//! | [`meter`] | what others may know of a meter; metered energy and its provenance |
//! | [`microgrid`] | tariffs and market rules of a period |
//! | [`market`] | sides, trades, and the money an order locks |
//! | [`link`] | lines between communities: what is sent and what arrives |
//! | [`slots`] | values of neighbouring meters, stored together |
//! | [`traits`] | what pallets ask of one another |

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod clock;
pub mod device;
pub mod ids;
pub mod ingest;
pub mod link;
pub mod market;
pub mod meter;
pub mod microgrid;
pub mod reading;
pub mod slots;
pub mod traits;
pub mod units;

pub use clock::{Period, PeriodClock};
pub use ids::{
	Be32, Be64, EventId, LinkId, MeterId, MicrogridId, OrderId, ProgrammeId, ResourceId,
};
pub use slots::Slots;
pub use units::{cost, Balance, Price, WattHours, Watts};
