//! Why calls are refused.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod error {
	/// Why a call failed.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such microgrid. Use the id of an existing one.
		UnknownMicrogrid,
		/// There is no such meter. Use the id that `MeterRegistered` told.
		UnknownMeter,
		/// Only the meter's owner may do this. Sign with the owner's account.
		NotOwner,
		/// Only the operator of the meter's microgrid may do this. Sign with the operator's account.
		NotOperator,
		/// Only the meter's owner or the operator of its microgrid may do this. Sign with one of them.
		NotOwnerNorOperator,
		/// A modulus below 2 means that the register never moves. Declare the one printed on the meter:
		/// 10 to the power of its digits, in Wh.
		ModulusTooSmall,
		/// A meter with this key exists. Use the key of the device at hand; a key belongs to one device.
		KeyInUse,
		/// The device has not proved that it holds the key. Let it sign the registration digest for this
		/// chain, this owner, this microgrid and this serial.
		BadProofOfPossession,
		/// The owner has not consented. Let the owner sign the consent digest for this chain, this operator,
		/// this microgrid, this key, this serial and this time, with the key of the owner's account.
		BadConsent,
		/// The owner's consent is no longer valid. Ask for another.
		ConsentExpired,
		/// The old key has not approved the new one. Let the device sign the rotation digest with the old
		/// key, or ask the microgrid's operator.
		BadRotationSignature,
		/// The owner rotated this key less than a day ago. Wait, or ask the microgrid's operator.
		RotatedRecently,
		/// All ids are given out. Nothing can be registered any more.
		NoIdsLeft,
		/// At this power, a period's energy exceeds what the market can book. Admit a lower rating.
		RatingTooHigh,
		/// At this power, registers of the declared modulus go round too fast to tell a rollover from a
		/// rollback. Compare the modulus with the device: its owner may have to register it again.
		ModulusBelowRating,
		/// The meter is retired. Register it again once it is freed.
		MeterIsRetired,
		/// The meter has open orders or unsettled positions, or its owner owes in its microgrid: it can
		/// neither retire nor change owner, nor can its ratings be lowered. Cancel its orders, wait for
		/// settlement, and pay what is owed.
		HasCommitments,
		/// The meter was not offered to this account. Ask its owner to offer it.
		NotOffered,
		/// There is no reading in the call. Relay at least one.
		NoReadings,
		/// Readings must ascend by meter, and of one meter by sequence. Sort them.
		Unordered,
		/// The witness is zero or too large. Declare what the readings touch, at most 900 pages of energy and
		/// 1,000 corrections.
		BadWitness,
		/// The meter of a reading is not admitted. Ask the microgrid's operator to admit it.
		NotAdmitted,
		/// A reading is not signed by its meter's key, for this chain. Relay what the device signed.
		BadDeviceSignature,
		/// Newer readings of all these meters were accepted before. Relay newer ones.
		NothingFresh,
		/// All fresh readings lie in the future. Wait, or set the devices' clocks.
		TooFarAhead,
		/// The first reading touches more than the witness allows. Declare a larger witness.
		WitnessExceeded,
	}
}
