//! Protocols of meters: from bytes to measurements, and where the bytes come from.
//!
//! | module | holds |
//! |---|---|
//! | [`measurement`] | what a meter showed, whatever protocol it spoke |
//! | [`obis`] | which OBIS code is what: the one table |
//! | [`decimal`] | decimal numbers without floating point |
//! | [`p1`], [`sml`] | telegrams of DSMR P1 and transmissions of SML |
//! | [`csv`] | load profiles in files |
//! | [`zigbee`] | states of zigbee2mqtt |
//! | [`stream`] | byte streams from TCP, serial devices and files |
//! | [`mqtt`] | an MQTT broker: signed readings of devices, uplinks of ChirpStack |
//! | [`gateway`] | the way to the gateway that takes signed readings |

pub mod csv;
pub mod decimal;
pub mod gateway;
pub mod measurement;
pub mod mqtt;
pub mod obis;
pub mod p1;
pub mod sml;
pub mod stream;
pub mod zigbee;

use self::measurement::Measurement;

/// Finds measurements in a stream of bytes, whatever else there is in it, in bounded memory.
pub trait Framing: Send {
	/// Takes the next bytes and adds the measurements that they complete.
	fn push(&mut self, bytes: &[u8], found: &mut Vec<Measurement>);
}
