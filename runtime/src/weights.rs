//! Weights of the energy pallets, as `scripts/weights` measured them. The SDK's own pallets use the weights
//! that they come with, measured on the SDK's reference hardware.

pub mod pallet_anomaly_flags;
pub mod pallet_demand_response;
pub mod pallet_mandate;
pub mod pallet_meter_registry;
pub mod pallet_microgrids;
pub mod pallet_order_book;
pub mod pallet_settlement;
pub mod pallet_validator_set;
