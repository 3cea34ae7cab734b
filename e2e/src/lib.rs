//! # End-to-end tests
//!
//! Real nodes and gateways, started as their users start them and driven through what they offer to
//! anybody: RPC, metadata, HTTP. The tests are in `tests/` (driven by subxt) and in `js/` (driven by the
//! stock JavaScript client); here is what they share.
//!
//! | module | holds |
//! |---|---|
//! | [`place`] | a test's folder, free ports, logs that are kept when a test fails |
//! | [`process`] | nodes and gateways as child processes, ended by their id |
//! | [`alerts`] | who tells of flags, and a webhook that hears it |
//! | [`broker`] | an MQTT broker, its bridge to a gateway, and who listens |
//! | [`chain`] | a chain through its metadata: calls, events, storage by name |
//! | [`council`] | motions, and what comes of them |
//! | [`demand_response`] | programmes and events |
//! | [`openadr`] | a client of OpenADR that this project did not write |
//! | [`meter`] | a metering device: its key, its registers, its signed readings |
//! | [`hostile`] | gateways that lie, stall and flood |

pub mod alerts;
pub mod broker;
pub mod chain;
pub mod council;
pub mod demand_response;
pub mod hostile;
pub mod meter;
pub mod openadr;
pub mod place;
pub mod process;
