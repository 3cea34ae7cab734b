//! Weights of the energy pallets, as `scripts/weights` measured them. The SDK's own pallets use the weights
//! that they come with, measured on the SDK's reference hardware. Those of demand response are estimates yet.

pub mod pallet_demand_response;
pub mod pallet_meter_registry;
pub mod pallet_microgrids;
pub mod pallet_order_book;
pub mod pallet_settlement;
