//! Positions: what meters traded and what secures it, stored by page of meters. The only door to
//! [`Positions`].

use alloc::vec::Vec;

use frame_support::{ensure, storage::with_storage_layer, traits::Get};
use gridweave_primitives::{
	cost,
	market::{Party, Side, Trade},
	traits::{MeterInspect, MicrogridInspect, SettlementClock},
	Balance, Be32, MeterId, MicrogridId, Period, Price, Slots,
};
use sp_runtime::DispatchResult;

use crate::{
	bill::Contracts, statements::MaxStatements, types::Position, Config, Error, Pallet, Positions,
};

/// One side of a trade.
struct Entry<'a, AccountId> {
	side: Side,
	party: &'a Party<AccountId>,
	/// What it gets, or pays, in planck.
	money: Balance,
	/// What of that leaves its trading balance at once.
	paid: Balance,
	/// What of its order's lock stays locked.
	margin: Balance,
}

impl Contracts {
	/// Adds a side of a trade; `None` if a sum does not fit.
	fn add<AccountId>(&mut self, entry: &Entry<AccountId>) -> Option<()> {
		let party = entry.party;
		match entry.side {
			Side::Ask => {
				self.sold = self.sold.checked_add(party.energy)?;
				self.receivable = self.receivable.checked_add(entry.money)?;
			}
			Side::Bid => {
				self.bought = self.bought.checked_add(party.energy)?;
				self.payable = self.payable.checked_add(entry.money)?;
				self.paid = self.paid.checked_add(entry.paid)?;
			}
		}
		self.fee = self.fee.checked_add(cost(party.fee, party.energy))?;
		Some(())
	}
}

impl<T: Config> Pallet<T> {
	/// Books both sides of a trade, or neither.
	pub(crate) fn book_trade(trade: &Trade<T::AccountId>) -> DispatchResult {
		ensure!(!T::Clock::is_frozen(trade.period), Error::<T>::PeriodFrozen);
		let seller = Entry {
			side: Side::Ask,
			party: &trade.seller,
			money: trade.value,
			paid: 0,
			margin: trade.seller_margin(),
		};
		let buyer = Entry {
			side: Side::Bid,
			party: &trade.buyer,
			money: trade.payable(),
			paid: trade.paid_at_once(),
			margin: trade.buyer_margin(),
		};
		with_storage_layer(|| {
			Self::book_side(trade.period, seller)?;
			Self::book_side(trade.period, buyer)?;
			if let Some(wheeling) = &trade.wheeling {
				Self::exchange(trade, wheeling).ok_or(Error::<T>::Overflow)?;
			}
			Ok(())
		})
	}

	/// Books what a member buys from links.
	pub(crate) fn book_import(
		period: Period,
		buyer: &Party<T::AccountId>,
		amount: Balance,
	) -> DispatchResult {
		ensure!(!T::Clock::is_frozen(period), Error::<T>::PeriodFrozen);
		let entry = Entry {
			side: Side::Bid,
			party: buyer,
			money: amount,
			paid: amount,
			margin: cost(buyer.fee, buyer.energy),
		};
		with_storage_layer(|| {
			Self::book_side(period, entry)?;
			Self::import(period, buyer, amount).ok_or(Error::<T>::Overflow.into())
		})
	}

	/// Books what a member sells to links.
	pub(crate) fn book_export(
		period: Period,
		seller: &Party<T::AccountId>,
		amount: Balance,
		retail_price: Price,
	) -> DispatchResult {
		ensure!(!T::Clock::is_frozen(period), Error::<T>::PeriodFrozen);
		let worst = cost(retail_price.saturating_add(seller.fee), seller.energy);
		let entry = Entry {
			side: Side::Ask,
			party: seller,
			money: amount,
			paid: 0,
			margin: worst.saturating_sub(amount),
		};
		with_storage_layer(|| {
			Self::book_side(period, entry)?;
			Self::export(period, seller, amount).ok_or(Error::<T>::ImportsUnpaid.into())
		})
	}

	/// Books one side: of what its order had locked, its margin stays locked, and what is paid leaves its trading
	/// balance.
	fn book_side(period: Period, entry: Entry<T::AccountId>) -> DispatchResult {
		let Entry {
			party,
			margin,
			paid,
			..
		} = entry;
		let used = margin.checked_add(paid).ok_or(Error::<T>::Overflow)?;
		ensure!(used <= party.released, Error::<T>::MarginExceedsLock);
		// The lock becomes the margin; what the better price saves is free again. Nothing is for an order that rested,
		// which trades at its own limit: its owner's balance is not even looked at, for that costs as much as a change.
		if paid > 0 || used < party.released {
			Self::near(party.meter, |table| {
				ensure!(
					table.member(&party.account).locked >= party.released,
					Error::<T>::LockMissing
				);
				table.pay_locked(&party.account, paid);
				table.release(&party.account, party.released.saturating_sub(used));
				Ok::<_, Error<T>>(())
			})?;
		}
		let slot = party.meter.slot();
		let key = page_key(party.microgrid, period, party.meter.page());
		let mut page = Positions::<T>::get(key);
		let mut position = match page.get(slot) {
			Some(position) => {
				ensure!(position.owner == party.account, Error::<T>::OwnerMismatch);
				position.clone()
			}
			None => Position {
				owner: party.account.clone(),
				contracts: Contracts::default(),
				margin: 0,
			},
		};
		position.contracts.add(&entry).ok_or(Error::<T>::Overflow)?;
		position.margin = position
			.margin
			.checked_add(margin)
			.ok_or(Error::<T>::Overflow)?;
		page.set(slot, position);
		Positions::<T>::insert(key, page);
		Ok(())
	}

	/// A meter's position, if it has one.
	pub fn position(
		microgrid: MicrogridId,
		period: Period,
		meter: MeterId,
	) -> Option<Position<T::AccountId>> {
		Positions::<T>::get(page_key(microgrid, period, meter.page()))
			.get(meter.slot())
			.cloned()
	}

	/// A meter's positions, oldest first: of at most [`MaxStatements`] periods from the first that is not settled.
	pub fn positions_of(meter: MeterId) -> Vec<(Period, Position<T::AccountId>)> {
		let Some(microgrid) = T::Meters::meter(meter).map(|meter| meter.microgrid) else {
			return Vec::new();
		};
		let first = Self::progress(microgrid).unwrap_or_default().next;
		let open = |after: &Period| T::Microgrids::next_opened(microgrid, after.next());
		core::iter::successors(T::Microgrids::next_opened(microgrid, first), open)
			.take(<MaxStatements as Get<u32>>::get() as usize)
			.filter_map(|period| Some((period, Self::position(microgrid, period, meter)?)))
			.collect()
	}
}

/// The positions of a page of meters for a period, while they are settled: read once, and written once.
pub(crate) struct OpenPage<T: Config> {
	key: (Be32, Be32, Be32),
	positions: Slots<Position<T::AccountId>>,
	changed: bool,
}

impl<T: Config> OpenPage<T> {
	pub fn open(microgrid: MicrogridId, period: Period, page: u32) -> Self {
		let key = page_key(microgrid, period, page);
		Self {
			key,
			positions: Positions::<T>::get(key),
			changed: false,
		}
	}

	/// What the meter at `slot` traded, if it has a position.
	pub fn contracts(&self, slot: u8) -> Option<Contracts> {
		self.positions.get(slot).map(|position| position.contracts)
	}

	/// Ends the position of the meter at `slot`, if it has one. The caller releases its margin.
	pub fn close(&mut self, slot: u8) -> Option<Position<T::AccountId>> {
		let position = self.positions.remove(slot)?;
		self.changed = true;
		Some(position)
	}

	/// Stores what is left.
	pub fn store(self) {
		if !self.changed {
			return;
		}
		if self.positions.is_empty() {
			Positions::<T>::remove(self.key);
		} else {
			Positions::<T>::insert(self.key, self.positions);
		}
	}
}

/// The key of a page of positions.
fn page_key(microgrid: MicrogridId, period: Period, page: u32) -> (Be32, Be32, Be32) {
	(microgrid.into(), period.into(), page.into())
}
