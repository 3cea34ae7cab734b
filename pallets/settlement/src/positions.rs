//! Positions: what meters traded and what secures it. The only door to [`Positions`].

use alloc::vec::Vec;

use frame_support::{defensive, ensure, storage::with_storage_layer, traits::Get};
use gridweave_primitives::{
	cost,
	market::{Party, Side, Trade},
	traits::{MeterInspect, SettlementClock},
	Balance, Be32, MeterId, MicrogridId, Period,
};
use sp_runtime::DispatchResult;

use crate::{
	bill::Contracts, statements::MaxStatements, types::Position, Config, Error, Ledger,
	OpenPositions, Pallet, Positions, PositionsOf,
};

impl Contracts {
	/// Adds a trade of one side; `None` if a sum does not fit.
	fn add<AccountId>(&mut self, side: Side, trade: &Trade<AccountId>) -> Option<()> {
		let party = match side {
			Side::Ask => {
				self.sold = self.sold.checked_add(trade.seller.energy)?;
				self.receivable = self.receivable.checked_add(trade.value)?;
				&trade.seller
			}
			Side::Bid => {
				self.bought = self.bought.checked_add(trade.buyer.energy)?;
				self.payable = self.payable.checked_add(trade.payable())?;
				self.paid = self.paid.checked_add(trade.paid_at_once())?;
				&trade.buyer
			}
		};
		self.fee = self.fee.checked_add(cost(party.fee, party.energy))?;
		Some(())
	}
}

impl<T: Config> Pallet<T> {
	/// Books both sides of a trade, or neither.
	pub(crate) fn book_trade(trade: &Trade<T::AccountId>) -> DispatchResult {
		ensure!(!T::Clock::is_frozen(trade.period), Error::<T>::PeriodFrozen);
		with_storage_layer(|| {
			Self::book_side(Side::Ask, &trade.seller, trade.seller_margin(), 0, trade)?;
			let paid = trade.paid_at_once();
			Self::book_side(Side::Bid, &trade.buyer, trade.buyer_margin(), paid, trade)?;
			if let Some(wheeling) = &trade.wheeling {
				Self::exchange(trade, wheeling).ok_or(Error::<T>::Overflow)?;
			}
			Ok(())
		})
	}

	/// Books one side: of what its order had locked, `margin` stays locked and `paid` leaves its trading
	/// balance.
	fn book_side(
		side: Side,
		party: &Party<T::AccountId>,
		margin: Balance,
		paid: Balance,
		trade: &Trade<T::AccountId>,
	) -> DispatchResult {
		let used = margin.checked_add(paid).ok_or(Error::<T>::Overflow)?;
		ensure!(used <= party.released, Error::<T>::MarginExceedsLock);
		ensure!(
			Ledger::<T>::get(&party.account).locked >= party.released,
			Error::<T>::LockMissing
		);
		let key = (
			Be32::from(party.microgrid),
			Be32::from(trade.period),
			Be32::from(party.meter),
		);
		let mut position = match Positions::<T>::get(key) {
			Some(position) => {
				ensure!(position.owner == party.account, Error::<T>::OwnerMismatch);
				position
			}
			None => {
				OpenPositions::<T>::mutate((key.0, key.1), |open| *open = open.saturating_add(1));
				PositionsOf::<T>::mutate(key.2, |open| *open = open.saturating_add(1));
				Position {
					owner: party.account.clone(),
					contracts: Contracts::default(),
					margin: 0,
				}
			}
		};
		position
			.contracts
			.add(side, trade)
			.ok_or(Error::<T>::Overflow)?;
		position.margin = position
			.margin
			.checked_add(margin)
			.ok_or(Error::<T>::Overflow)?;
		Positions::<T>::insert(key, position);
		// The lock becomes the margin; what the better price saves is free again.
		Self::pay_locked(&party.account, paid);
		Self::release(&party.account, party.released.saturating_sub(used));
		Ok(())
	}

	/// A meter's position, if it has one.
	pub fn position(
		microgrid: MicrogridId,
		period: Period,
		meter: MeterId,
	) -> Option<Position<T::AccountId>> {
		Positions::<T>::get((Be32::from(microgrid), Be32::from(period), Be32::from(meter)))
	}

	/// A meter's positions, oldest first: of at most [`MaxStatements`] periods from the first that is not
	/// settled.
	pub fn positions_of(meter: MeterId) -> Vec<(Period, Position<T::AccountId>)> {
		let open = PositionsOf::<T>::get(Be32::from(meter)) as usize;
		let Some(microgrid) = T::Meters::meter(meter).map(|meter| meter.microgrid) else {
			return Vec::new();
		};
		let first = Self::progress(microgrid).unwrap_or_default().next;
		(0..MaxStatements::get())
			.filter_map(|ahead| {
				let period = Period(first.0.checked_add(ahead)?);
				Some((period, Self::position(microgrid, period, meter)?))
			})
			.take(open)
			.collect()
	}

	/// Ends a position: its margin is free again.
	pub(crate) fn close_position(
		microgrid: MicrogridId,
		period: Period,
		meter: MeterId,
		position: &Position<T::AccountId>,
	) {
		let key = (Be32::from(microgrid), Be32::from(period), Be32::from(meter));
		Positions::<T>::remove(key);
		PositionsOf::<T>::mutate_exists(key.2, |open| match open.unwrap_or_default() {
			0 => {
				defensive!("a position that was not counted");
			}
			1 => *open = None,
			count => *open = Some(count.saturating_sub(1)),
		});
		Self::release(&position.owner, position.margin);
	}
}
