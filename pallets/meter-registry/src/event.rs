//! What the pallet tells.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod event {
	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A meter was registered; its microgrid's operator may admit it now.
		MeterRegistered {
			/// Its id.
			meter: MeterId,
			/// The community it is to belong to.
			microgrid: MicrogridId,
			/// Who owns it.
			owner: T::AccountId,
			/// What stands behind it.
			kind: MeterKind,
			/// Its registers count modulo this many Wh: the operator compares it with the device.
			modulus: WattHours,
		},
		/// The operator admitted a meter, or changed its ratings.
		MeterAdmitted {
			/// Which.
			meter: MeterId,
			/// The most power it may take and give.
			ratings: Ratings,
		},
		/// A meter was taken out of service: no more readings. It is freed when its last period is pruned.
		MeterRetired {
			/// Which.
			meter: MeterId,
		},
		/// Everything kept for a meter was freed and its deposit released.
		MeterFreed {
			/// Which.
			meter: MeterId,
			/// Who owned it.
			owner: T::AccountId,
			/// What was released of the deposit, in planck.
			deposit: Balance,
		},
		/// A meter's device signs with another key from now on.
		KeyRotated {
			/// Which.
			meter: MeterId,
			/// The new key.
			key: DeviceKey,
		},
		/// A meter was offered to another owner, or the offer withdrawn.
		MeterOffered {
			/// Which.
			meter: MeterId,
			/// To whom; nobody any more if empty.
			to: Option<T::AccountId>,
		},
		/// A meter has another owner.
		MeterTransferred {
			/// Which.
			meter: MeterId,
			/// Who owned it.
			from: T::AccountId,
			/// Who owns it.
			to: T::AccountId,
		},
		/// An authority brought a batch of readings.
		ReadingsAccepted {
			/// Its place in the set of ingest keys.
			authority: u32,
			/// Readings that count.
			accepted: u32,
			/// Readings skipped because a newer one of their meter was accepted before.
			stale: u32,
			/// Readings skipped because they exceed the batch's witness or lie in the future: bring them
			/// again.
			deferred: u32,
			/// The first meter of the batch.
			first_meter: MeterId,
			/// The last meter of the batch.
			last_meter: MeterId,
		},
		/// Somebody relayed readings.
		ReadingsRelayed {
			/// Who.
			who: T::AccountId,
			/// Readings that count.
			accepted: u32,
			/// Readings skipped because a newer one of their meter was accepted before.
			stale: u32,
			/// Readings skipped because they exceed the witness or lie in the future: bring them again.
			deferred: u32,
		},
		/// A meter's registers advanced by more than its ratings allow; the excess is not settled until
		/// inspected.
		EnergySuspended {
			/// Which.
			meter: MeterId,
			/// Import suspended by this reading.
			import: WattHours,
			/// Export suspended by this reading.
			export: WattHours,
		},
		/// A register ran backwards other than by its modulus; what it shows is not counted.
		RegisterRolledBack {
			/// Whose.
			meter: MeterId,
			/// Whether it was the import register.
			import: bool,
			/// Whether it was the export register.
			export: bool,
		},
		/// The deposit for a meter, or a part of it, was taken because the meter was tampered with.
		DepositSlashed {
			/// Which.
			meter: MeterId,
			/// Whose deposit it was.
			owner: T::AccountId,
			/// The community whose fund got it.
			microgrid: MicrogridId,
			/// How much, in planck.
			amount: Balance,
		},
	}
}
