//! What goes over links to other communities. The only door to [`Exchanges`].
//!
//! Communities are not settled at the same time, so none can wait for the money of another's members: who
//! buys over a link pays at once, out of what the order had locked. The wheeling fee goes to the link's
//! operator; the rest is set aside, and is in the till when the sellers' community is settled. So nobody's
//! default, neither a member's nor an operator's, reaches another community.
//!
//! Where auctions are coupled, members trade with links and not with each other. What buyers pay is kept in
//! [`Transit`] until their sellers' communities and the links' operators are paid of it.

use gridweave_primitives::{
	market::{Party, Trade, Wheeling},
	Balance, Be32, MicrogridId, Period,
};

use crate::{types::Exchange, Config, Exchanges, Pallet, Transit};

impl<T: Config> Pallet<T> {
	/// Notes what a trade over a link moves, for both communities. What its buyer has paid for it must be in
	/// the clearing house, and in no trading balance any more. `None` if a sum does not fit.
	pub(crate) fn exchange(
		trade: &Trade<T::AccountId>,
		wheeling: &Wheeling<T::AccountId>,
	) -> Option<()> {
		let key = |microgrid: MicrogridId| (Be32::from(microgrid), Be32::from(trade.period));
		let (seller, buyer) = (&trade.seller, &trade.buyer);
		let mut out = Exchanges::<T>::get(key(seller.microgrid));
		out.sent = out.sent.checked_add(seller.energy)?;
		out.proceeds = out.proceeds.checked_add(trade.value)?;
		Exchanges::<T>::insert(key(seller.microgrid), out);
		let mut into = Exchanges::<T>::get(key(buyer.microgrid));
		into.received = into.received.checked_add(buyer.energy)?;
		into.payments = into.payments.checked_add(trade.paid_at_once())?;
		Exchanges::<T>::insert(key(buyer.microgrid), into);
		Self::anywhere(|table| table.credit(&wheeling.operator, wheeling.fee));
		Some(())
	}

	/// Notes what a member buys from links for `amount`, which it has paid. `None` if a sum does not fit.
	pub(crate) fn import(
		period: Period,
		buyer: &Party<T::AccountId>,
		amount: Balance,
	) -> Option<()> {
		let key = (Be32::from(buyer.microgrid), Be32::from(period));
		let mut into = Exchanges::<T>::get(key);
		into.received = into.received.checked_add(buyer.energy)?;
		into.payments = into.payments.checked_add(amount)?;
		Exchanges::<T>::insert(key, into);
		Transit::<T>::put(Transit::<T>::get().checked_add(amount)?);
		Some(())
	}

	/// Notes what a member sells to links for `amount`, out of what buyers have paid. `None` if they have not
	/// paid as much, or a sum does not fit.
	pub(crate) fn export(
		period: Period,
		seller: &Party<T::AccountId>,
		amount: Balance,
	) -> Option<()> {
		let key = (Be32::from(seller.microgrid), Be32::from(period));
		let mut out = Exchanges::<T>::get(key);
		out.sent = out.sent.checked_add(seller.energy)?;
		out.proceeds = out.proceeds.checked_add(amount)?;
		Exchanges::<T>::insert(key, out);
		Self::take_transit(amount)
	}

	/// Takes `amount` of what buyers from links have paid. `None` if there is less.
	pub(crate) fn take_transit(amount: Balance) -> Option<()> {
		let left = Transit::<T>::get().checked_sub(amount)?;
		if left == 0 {
			Transit::<T>::kill();
		} else {
			Transit::<T>::put(left);
		}
		Some(())
	}

	/// Takes what went over a community's links for a period, to settle it.
	pub(crate) fn take_exchange(microgrid: MicrogridId, period: Period) -> Exchange {
		Exchanges::<T>::take((Be32::from(microgrid), Be32::from(period)))
	}
}
