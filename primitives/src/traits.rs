//! What pallets ask of one another. Each trait is named after a need; the runtime ties who needs to who
//! provides. Mutations go one way (readings → flags, orders → settlement); queries may go both.

use alloc::vec::Vec;

use sp_runtime::{DispatchError, DispatchResult, Permill, Weight};

use crate::{
	device::DeviceKey,
	ids::METERS_PER_PAGE,
	link::OpenLink,
	market::{Interest, Party, Trade},
	meter::{
		Correction, MeterInfo, MeterOwner, MeterState, MeteredPage, MeteredPeriod, Movement,
		Ratings,
	},
	microgrid::Terms,
	reading::Reading,
	Balance, MeterId, MicrogridId, Period, PeriodClock, Price, Slots, WattHours,
};

/// The settlement clock. Provided by `pallet-microgrids`.
pub trait SettlementClock {
	/// The clock's constants.
	fn clock() -> PeriodClock;

	/// Chain time: Unix seconds of the current block's timestamp.
	fn now() -> u64;

	/// The period that now lies in.
	fn current() -> Period {
		Self::clock().period_at(Self::now())
	}

	/// Whether a period's energy is frozen.
	fn is_frozen(period: Period) -> bool {
		Self::clock().is_frozen(period, Self::now())
	}
}

/// Communities and the terms of their periods. Provided by `pallet-microgrids`.
pub trait MicrogridInspect<AccountId> {
	/// How many microgrids there are; ids are dense from 0.
	fn count() -> u32;

	/// The microgrid's operator, if there is such a microgrid.
	fn operator(microgrid: MicrogridId) -> Option<AccountId>;

	/// The terms of a period; `None` before it opens and after it is pruned.
	fn terms(microgrid: MicrogridId, period: Period) -> Option<Terms>;

	/// The first period the microgrid ever opened; `None` if there is no such microgrid, or none of its
	/// periods has opened yet. Never changes, and never lies before that of an older microgrid.
	fn first_period(microgrid: MicrogridId) -> Option<Period>;

	/// The first period not before `from` that has terms; `None` if none has opened yet. A chain that
	/// stood still does not open periods that expired meanwhile: whoever walks from period to period
	/// finds the next one by this. The default suits those who never leave one out.
	fn next_opened(microgrid: MicrogridId, from: Period) -> Option<Period> {
		Self::terms(microgrid, from).map(|_| from)
	}

	/// When the gate of a period closes (Unix seconds), under these terms.
	fn gate_closes_at(clock: &PeriodClock, terms: &Terms, period: Period) -> u64 {
		clock.start_of(period.saturating_sub(terms.rules.gate_closure))
	}
}

/// Links between communities. Provided by `pallet-microgrids`.
pub trait LinkInspect<AccountId> {
	/// Most links into, and most links out of, one microgrid.
	fn most() -> u32;

	/// The links into a microgrid that are open for a period, oldest first; at most [`Self::most`]. What is
	/// open for a period that has opened never changes.
	fn links_into(microgrid: MicrogridId, period: Period) -> Vec<OpenLink<AccountId>>;

	/// The links out of a microgrid that are open for a period, as [`Self::links_into`] gives those into it.
	fn links_out_of(microgrid: MicrogridId, period: Period) -> Vec<OpenLink<AccountId>>;
}

impl<AccountId> LinkInspect<AccountId> for () {
	fn most() -> u32 {
		0
	}

	fn links_into(_: MicrogridId, _: Period) -> Vec<OpenLink<AccountId>> {
		Vec::new()
	}

	fn links_out_of(_: MicrogridId, _: Period) -> Vec<OpenLink<AccountId>> {
		Vec::new()
	}
}

/// Meters. Provided by `pallet-meter-registry`.
pub trait MeterInspect<AccountId> {
	/// What there is to know of a meter, if it exists.
	fn meter(meter: MeterId) -> Option<MeterInfo<AccountId>>;

	/// The owners of the admitted meters on a page, by slot: what [`Self::meter`] tells of each, in one.
	fn owners(page: u32) -> Slots<MeterOwner<AccountId>> {
		let mut owners = Slots::default();
		for slot in 0..METERS_PER_PAGE as u8 {
			if let Some(info) = Self::meter(MeterId::at(page, slot)) {
				if info.state != MeterState::Registered {
					let retired = info.state == MeterState::Retired;
					let account = info.owner;
					owners.set(slot, MeterOwner { account, retired });
				}
			}
		}
		owners
	}

	/// The last state of charge it reported.
	fn state_of_charge(meter: MeterId) -> Option<WattHours>;
}

/// What meters sign with. Provided by `pallet-meter-registry`.
pub trait DeviceKeys {
	/// The key of a meter's device, if the meter exists.
	fn device_key(meter: MeterId) -> Option<DeviceKey>;
}

/// The deposits of meters. Provided by `pallet-meter-registry`.
pub trait MeterDeposits {
	/// Takes a share of what is left of a meter's deposit and gives it to the fund of its community. Never
	/// fails: what was moved, in planck.
	fn slash_deposit(meter: MeterId, share: Permill) -> Balance;
}

impl MeterDeposits for () {
	fn slash_deposit(_: MeterId, _: Permill) -> Balance {
		0
	}
}

/// Communities' funds, which governance spends: neither operators nor members can. Provided by
/// `pallet-settlement`.
pub trait CommunityFunds<AccountId> {
	/// Holds the money of all funds.
	fn account() -> AccountId;

	/// Books what [`Self::account`] has received for a community's fund.
	fn received(microgrid: MicrogridId, amount: Balance);
}

/// Metered energy, page by page. Provided by `pallet-meter-registry`, pulled by settlement.
pub trait MeteredEnergy {
	/// How many pages of meters a microgrid has.
	fn pages(microgrid: MicrogridId) -> u32;

	/// The page of meter ids at a place among those of a microgrid, if it has so many.
	fn page(microgrid: MicrogridId, index: u32) -> Option<u32>;

	/// The frozen energy of the meters on the page at `index` in a period, ascending, estimates filled in and
	/// stored. Only frozen periods may be closed; meters without energy in the period (not yet active,
	/// retired, feeders) are left out.
	fn close_page(microgrid: MicrogridId, index: u32, period: Period) -> MeteredPage;

	/// As [`Self::close_page`] left them, without closing anything.
	fn closed_page(microgrid: MicrogridId, index: u32, period: Period) -> MeteredPage;

	/// One meter's energy in a period, while it is kept.
	fn metered(meter: MeterId, period: Period) -> Option<MeteredPeriod>;
}

/// What a meter did lately. Provided by `pallet-meter-registry`.
pub trait MeterHistory {
	/// The meter's energy in the `most` periods before the one that its latest reading lies in, newest first:
	/// readings cover these wholly, and none that comes changes them. Left out is what was estimated, also
	/// if it was corrected since, and what is no longer kept.
	fn recent(meter: MeterId, most: u32) -> Vec<MeteredPeriod>;
}

/// An accepted reading, with what it takes to judge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation<'a> {
	/// What was measured.
	pub reading: &'a Reading,
	/// The reading accepted before, if any. Its power quality is not kept.
	pub previous: Option<Reading>,
	/// How the import register moved since then.
	pub import: Movement,
	/// How the export register moved since then.
	pub export: Movement,
	/// The most power the meter may have taken and given since then.
	pub ratings: Ratings,
}

/// Told of every accepted reading. Provided by `pallet-anomaly-flags` and `pallet-demand-response`; tuples tell all.
pub trait OnReading {
	/// All readings that a call brings of one page of meters, ascending by meter, and of one meter by
	/// sequence. Never fails. Must be cheap: what takes more is noted, and done later.
	fn on_readings(microgrid: MicrogridId, observations: &[Observation]);

	/// What being told of `readings` readings on `pages` pages weighs at most: the caller charges it.
	fn weight(pages: u32, readings: u32) -> Weight;
}

impl OnReading for () {
	fn on_readings(_: MicrogridId, _: &[Observation]) {}

	fn weight(_: u32, _: u32) -> Weight {
		Weight::zero()
	}
}

impl<A: OnReading, B: OnReading> OnReading for (A, B) {
	fn on_readings(microgrid: MicrogridId, observations: &[Observation]) {
		A::on_readings(microgrid, observations);
		B::on_readings(microgrid, observations);
	}

	fn weight(pages: u32, readings: u32) -> Weight {
		A::weight(pages, readings).saturating_add(B::weight(pages, readings))
	}
}

/// Told when readings show that frozen energy was wrong. Provided by `pallet-settlement`.
pub trait OnCorrection {
	/// All corrections of one meter that a call brings, oldest first. Each has its period, or the oldest one
	/// still kept if that is pruned. Never fails: what cannot be paid is recorded as owed.
	fn on_corrections(meter: MeterId, corrections: &[(Period, Correction)]);

	/// What correcting `meters` meters weighs at most, with `corrections` corrections in all: the caller
	/// charges it.
	fn weight(meters: u32, corrections: u32) -> Weight;
}

impl OnCorrection for () {
	fn on_corrections(_: MeterId, _: &[(Period, Correction)]) {}

	fn weight(_: u32, _: u32) -> Weight {
		Weight::zero()
	}
}

/// Whether anything is still open for a meter. Provided by `pallet-order-book` (orders, trades that are not settled),
/// `pallet-settlement` (arrears) and `pallet-demand-response`; tuples ask all.
pub trait MeterCommitments {
	/// Whether the meter has open orders or trades that are not settled, or its owner arrears in its microgrid.
	fn has_commitments(meter: MeterId) -> bool;
}

impl MeterCommitments for () {
	fn has_commitments(_: MeterId) -> bool {
		false
	}
}

impl<A: MeterCommitments, B: MeterCommitments> MeterCommitments for (A, B) {
	fn has_commitments(meter: MeterId) -> bool {
		A::has_commitments(meter) || B::has_commitments(meter)
	}
}

/// How far settlement has come, and what follows it. Provided by `pallet-settlement`, and by `pallet-demand-response`,
/// which records settled energy; tuples tell how far all have come. What a period's settlement needs is kept until it
/// has passed.
pub trait SettlementProgress {
	/// Every period of the microgrid before this one is settled; the current one if none has opened yet.
	fn settled_before(microgrid: MicrogridId) -> Period;
}

impl SettlementProgress for () {
	fn settled_before(_: MicrogridId) -> Period {
		Period(u32::MAX)
	}
}

impl<A: SettlementProgress, B: SettlementProgress> SettlementProgress for (A, B) {
	fn settled_before(microgrid: MicrogridId) -> Period {
		A::settled_before(microgrid).min(B::settled_before(microgrid))
	}
}

/// Told when a meter is taken out of service for good, so that what is kept for it is freed. Provided by
/// `pallet-order-book` (what it traded), `pallet-settlement` (running totals) and `pallet-anomaly-flags`; tuples tell
/// all.
pub trait OnMeterRetired {
	/// What there is to know of the meter may still be asked for, for the last time. Must be cheap and bounded.
	fn on_meter_retired(meter: MeterId);

	/// What one call of [`Self::on_meter_retired`] weighs at most: the caller charges it.
	fn weight() -> Weight;
}

impl OnMeterRetired for () {
	fn on_meter_retired(_: MeterId) {}

	fn weight() -> Weight {
		Weight::zero()
	}
}

impl<A: OnMeterRetired, B: OnMeterRetired> OnMeterRetired for (A, B) {
	fn on_meter_retired(meter: MeterId) {
		A::on_meter_retired(meter);
		B::on_meter_retired(meter);
	}

	fn weight() -> Weight {
		A::weight().saturating_add(B::weight())
	}
}

/// Whether a meter is under quarantine. Provided by `pallet-anomaly-flags`.
pub trait Quarantine {
	/// Quarantined meters may not trade and earn nothing.
	fn is_quarantined(meter: MeterId) -> bool;
}

impl Quarantine for () {
	fn is_quarantined(_: MeterId) -> bool {
		false
	}
}

/// What books tell of the energy to come. Provided by `pallet-order-book`; asked for clients only.
pub trait MarketInspect {
	/// What is on offer and traded for a period; nothing if no order ever rested there or the period is no
	/// longer kept.
	fn interest(microgrid: MicrogridId, period: Period) -> Interest;
}

impl MarketInspect for () {
	fn interest(_: MicrogridId, _: Period) -> Interest {
		Interest::default()
	}
}

/// The clearing ledger as the order book sees it. Provided by `pallet-settlement`.
pub trait Clearing<AccountId> {
	/// Locks `amount` of the member's trading balance; what is missing is topped up from the member's
	/// account. Nothing is changed on error. Here and below `meter` is the member's, or was: its balance is
	/// looked for there first.
	fn lock(who: &AccountId, meter: MeterId, amount: Balance) -> DispatchResult;

	/// Unlocks `amount`, locked before by [`Self::lock`] and not released by a trade since.
	fn unlock(who: &AccountId, meter: MeterId, amount: Balance);

	/// Whether the member may buy: arrears block bids (and bids only: proceeds pay arrears first).
	fn may_buy(who: &AccountId, meter: MeterId) -> Result<(), DispatchError>;
}

/// Told of every fill. Provided by `pallet-settlement`.
pub trait OnTrade<AccountId> {
	/// Books the trade into both positions and turns the released locks into margins. An error undoes
	/// the fill.
	fn on_trade(trade: Trade<AccountId>) -> DispatchResult;

	/// Books what a member buys from links where auctions are coupled. It pays `amount` at once, out of what its
	/// order had locked; until others are paid of it the clearing house keeps it apart. An error undoes the fill.
	fn on_import(period: Period, buyer: Party<AccountId>, amount: Balance) -> DispatchResult;

	/// Books what a member sells to links where auctions are coupled, for `amount`, which is set aside for its
	/// community out of what buyers have paid before. `retail_price` is that of its community and period. An error
	/// undoes the fill.
	fn on_export(
		period: Period,
		seller: Party<AccountId>,
		amount: Balance,
		retail_price: Price,
	) -> DispatchResult;

	/// Pays `amount`, or what there is, out of what buyers from links have paid.
	fn pay_of_imports(who: &AccountId, amount: Balance);

	/// What buyers from links have paid, and nobody was paid yet.
	fn imports_unpaid() -> Balance;
}
