//! What the pallet keeps.

use frame_support::pallet_macros::pallet_section;

/// A part of the pallet.
#[pallet_section]
mod storage {
	/// Programmes. The operator's deposit pays; freed when it is closed.
	#[pallet::storage]
	pub type Programmes<T: Config> = StorageMap<_, Identity, Be32, Programme<T::AccountId>>;

	/// Programmes with a trigger. The operator's deposit pays; freed with the trigger.
	#[pallet::storage]
	pub type Triggered<T: Config> = StorageMap<_, Identity, Be32, ()>;

	/// Resources by programme. Their deposits pay; freed when they leave.
	#[pallet::storage]
	pub type Resources<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Resource<T::AccountId>>;

	/// Meters by programme and resource. Their owners' deposits pay; freed when they leave.
	#[pallet::storage]
	pub type Members<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
			NMapKey<Identity, Be32>,
		),
		Member<T::AccountId>,
	>;

	/// Enrolled meters. Their owners' deposits pay; freed when they leave their last programme.
	#[pallet::storage]
	pub type Watches<T: Config> = StorageMap<_, Identity, Be32, Watch<T::AccountId>>;

	/// Which meters are enrolled, by community and page of meters: a bit for each slot. Their owners' deposits pay;
	/// freed with the last meter of a page.
	#[pallet::storage]
	pub type WatchedPages<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), u32>;

	/// The latest days of enrolled meters, by page of meters and the day's number modulo [`KEPT_DAYS`]. Their
	/// owners' deposits pay; a slot is freed when its meter leaves its last programme.
	#[pallet::storage]
	pub type DayPages<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), DayPage>;

	/// The latest commands by page of meters. Their owners' deposits pay; a slot is freed when its meter leaves
	/// its last programme.
	#[pallet::storage]
	pub type CommandPages<T: Config> = StorageMap<_, Identity, Be32, CommandPage, ValueQuery>;

	/// Communities in which meters are enrolled or events open. Deposits for these pay; freed with the last.
	#[pallet::storage]
	pub type Communities<T: Config> = CountedStorageMap<_, Identity, Be32, Community>;

	/// Events. The operator's deposit pays; freed with their reports.
	#[pallet::storage]
	pub type Events<T: Config> = StorageMap<_, Identity, Be32, DemandEvent>;

	/// Answers to events that are not measured yet, by event and resource. The resource's deposit pays; freed
	/// when the event is measured or called off.
	#[pallet::storage]
	pub type Responses<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Answer<T::AccountId>>;

	/// Reports by event and resource. The resource's deposit pays; pruned a time after the event was measured.
	#[pallet::storage]
	pub type Reports<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Report<T::AccountId>>;

	/// What is to be done with events, by period. The operator's deposit pays; freed when it is done.
	#[pallet::storage]
	pub type Timetable<T: Config> =
		StorageNMap<_, (NMapKey<Identity, Be32>, NMapKey<Identity, Be32>), Timed>;

	/// Commands that are being sent, in order. One bounded item.
	#[pallet::storage]
	pub type Issuing<T: Config> =
		StorageValue<_, BoundedVec<Issue, ConstU32<MAX_ISSUES>>, ValueQuery>;

	/// The period that is being recorded. One item.
	#[pallet::storage]
	pub type Recorder<T: Config> = StorageValue<_, Recording>;

	/// The community that was looked at last for periods to record. One item.
	#[pallet::storage]
	pub type Turn<T: Config> = StorageValue<_, Be32>;

	/// Nothing is to be recorded before this second. One item.
	#[pallet::storage]
	pub type IdleUntil<T: Config> = StorageValue<_, u64, ValueQuery>;

	/// Where the evaluation of triggers is. One item.
	#[pallet::storage]
	pub type Evaluated<T: Config> = StorageValue<_, Evaluation, ValueQuery>;

	/// Tasks that wait for their turn. One bounded item.
	#[pallet::storage]
	pub type Tasks<T: Config> = StorageValue<_, BoundedVec<Task, ConstU32<MAX_TASKS>>, ValueQuery>;

	/// The task that has begun. One item.
	#[pallet::storage]
	pub type Current<T: Config> = StorageValue<_, Job>;

	/// The id of the next programme.
	#[pallet::storage]
	pub type NextProgramme<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The id of the next resource.
	#[pallet::storage]
	pub type NextResource<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The id of the next event.
	#[pallet::storage]
	pub type NextEvent<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The nonce of the next command. The commands of an event share one.
	#[pallet::storage]
	pub type NextNonce<T: Config> = StorageValue<_, u32, ValueQuery>;
}
