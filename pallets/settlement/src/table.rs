//! Where trading balances are kept, and how they are changed. The only door to [`Ledger`], [`Seats`] and
//! [`SeatOf`].
//!
//! A period's bills come page by page of meters. So whoever is billed gets a *seat* at the page of the meter:
//! its trading balance moves there, and all bills of a page read and write one item. A member has one
//! balance in one place: at the first page that had room when it was billed there, else, and before its first
//! bill, in the ledger. Calls and orders find it in either, orders first where their meter is.

use alloc::vec::Vec;

use frame_support::defensive;
use gridweave_primitives::{Balance, Be32, MeterId};
use sp_runtime::traits::Zero;

use crate::{
	types::{Member, Row, Seat},
	Config, Ledger, Pallet, SeatOf, Seats,
};

/// The members who sit at a page of meters, while their money moves: read once, and written once. Everybody
/// else is changed where its balance is kept.
pub(crate) struct Table<T: Config> {
	page: Option<Be32>,
	seats: Row<T::AccountId>,
	/// How many of them have their seat noted; those who sat down since come after these.
	noted: usize,
	/// One who may sit down, and has no balance anywhere.
	newcomer: Option<T::AccountId>,
	changed: bool,
}

impl<T: Config> Table<T> {
	/// A table without seats.
	fn bare() -> Self {
		Self {
			page: None,
			seats: Row::default(),
			noted: 0,
			newcomer: None,
			changed: false,
		}
	}

	/// The table of a page of meters. Nothing that is done at it counts before it is stored.
	pub fn open(page: u32) -> Self {
		let page = Be32::from(page);
		let seats = Seats::<T>::get(page);
		Self {
			page: Some(page),
			noted: seats.len(),
			seats,
			..Self::bare()
		}
	}

	fn find(&self, who: &T::AccountId) -> Option<usize> {
		self.seats.iter().position(|seat| seat.account == *who)
	}

	fn has_room(&self) -> bool {
		self.page.is_some() && self.seats.len() < Row::<T::AccountId>::bound()
	}

	fn sit_down(&mut self, account: T::AccountId, member: Member) {
		self.changed = true;
		if self.seats.try_push(Seat { account, member }).is_err() {
			defensive!("more members than seats");
		}
	}

	/// Gives one who is billed here a seat, if there is room and it has none. Whether it sat here already.
	pub fn seat(&mut self, who: &T::AccountId) -> bool {
		self.newcomer = None;
		if self.find(who).is_some() {
			return true;
		}
		if self.has_room() {
			match Ledger::<T>::try_get(who) {
				Ok(member) => {
					Ledger::<T>::remove(who);
					self.sit_down(who.clone(), member);
				}
				Err(()) if !SeatOf::<T>::contains_key(who) => self.newcomer = Some(who.clone()),
				Err(()) => {}
			}
		}
		false
	}

	/// A member's entry; an empty one if it has none.
	pub fn member(&self, who: &T::AccountId) -> Member {
		if let Some(seat) = self.find(who).and_then(|at| self.seats.get(at)) {
			return seat.member;
		}
		if self.newcomer.as_ref() == Some(who) {
			return Member::default();
		}
		Pallet::<T>::member(who)
	}

	/// Changes a member's entry, opens it if there is none, frees it if it is empty afterwards.
	pub fn change<R>(&mut self, who: &T::AccountId, f: impl FnOnce(&mut Member) -> R) -> R {
		if self.newcomer.as_ref() == Some(who) {
			self.newcomer = None;
			self.sit_down(who.clone(), Member::default());
		}
		match self.find(who).and_then(|at| self.seats.get_mut(at)) {
			Some(seat) => {
				self.changed = true;
				f(&mut seat.member)
			}
			None => Self::change_apart(who, f),
		}
	}

	/// Changes the entry of one who does not sit here: an operator's mostly, or of one who was never billed.
	fn change_apart<R>(who: &T::AccountId, f: impl FnOnce(&mut Member) -> R) -> R {
		if let Ok(mut member) = Ledger::<T>::try_get(who) {
			let result = f(&mut member);
			if member.is_empty() {
				Ledger::<T>::remove(who);
			} else {
				Ledger::<T>::insert(who, member);
			}
			return result;
		}
		if let Some(page) = SeatOf::<T>::get(who) {
			let mut other = Self::open(page.get());
			if let Some(seat) = other.find(who).and_then(|at| other.seats.get_mut(at)) {
				let result = f(&mut seat.member);
				other.changed = true;
				other.store();
				return result;
			}
			defensive!("a seat that is noted and not taken");
		}
		let mut member = Member::default();
		let result = f(&mut member);
		if !member.is_empty() {
			Ledger::<T>::insert(who, member);
		}
		result
	}

	/// Adds to a trading balance money that the clearing house already holds.
	pub fn credit(&mut self, who: &T::AccountId, amount: Balance) {
		if !amount.is_zero() {
			// No saturation: bounded by the total issuance.
			self.change(who, |member| {
				member.balance = member.balance.saturating_add(amount)
			});
		}
	}

	/// Takes up to `amount` of a trading balance's free part; returns what was taken.
	pub fn draw(&mut self, who: &T::AccountId, amount: Balance) -> Balance {
		// Nothing is written for one that has nothing.
		if amount.is_zero() || self.member(who).free().is_zero() {
			return 0;
		}
		self.change(who, |member| member.draw(amount))
	}

	/// Ends a lock.
	pub fn release(&mut self, who: &T::AccountId, amount: Balance) {
		if amount.is_zero() {
			return;
		}
		self.change(who, |member| match member.locked.checked_sub(amount) {
			Some(locked) => member.locked = locked,
			None => {
				defensive!("more unlocked than was locked");
				member.locked = 0;
			}
		});
	}

	/// Takes `amount` out of what is locked of a trading balance.
	pub fn pay_locked(&mut self, who: &T::AccountId, amount: Balance) {
		if amount.is_zero() {
			return;
		}
		self.change(who, |member| {
			if member.locked < amount || member.balance < amount {
				defensive!("more is paid than was locked");
			}
			member.locked = member.locked.saturating_sub(amount);
			member.balance = member.balance.saturating_sub(amount);
		});
	}

	/// Stores what was changed. Who has nothing left loses its seat.
	pub fn store(self) {
		let (Some(page), true) = (self.page, self.changed) else {
			return;
		};
		for (at, seat) in self.seats.iter().enumerate() {
			match (at < self.noted, seat.member.is_empty()) {
				(true, true) => SeatOf::<T>::remove(&seat.account),
				(false, false) => SeatOf::<T>::insert(&seat.account, page),
				_ => {}
			}
		}
		let mut seats = self.seats;
		seats.retain(|seat| !seat.member.is_empty());
		if seats.is_empty() {
			Seats::<T>::remove(page);
		} else {
			Seats::<T>::insert(page, seats);
		}
	}
}

impl<T: Config> Pallet<T> {
	/// What an account has with the clearing house, and owes; all 0 if it has nothing to do with it.
	pub fn member(who: &T::AccountId) -> Member {
		if let Ok(member) = Ledger::<T>::try_get(who) {
			return member;
		}
		let seats = SeatOf::<T>::get(who).map(Seats::<T>::get);
		(seats.iter().flatten())
			.find(|seat| seat.account == *who)
			.map(|seat| seat.member)
			.unwrap_or_default()
	}

	/// All who have something with the clearing house, or owe, in no order: for whoever looks at the whole
	/// state.
	pub fn members() -> impl Iterator<Item = (T::AccountId, Member)> {
		let seated = Seats::<T>::iter_values().flat_map(|seats| {
			let of = |seat: Seat<T::AccountId>| (seat.account, seat.member);
			seats.into_iter().map(of).collect::<Vec<_>>()
		});
		Ledger::<T>::iter().chain(seated)
	}

	/// Changes trading balances, most likely of those who sit at the page of `meter`.
	pub(crate) fn near<R>(meter: MeterId, f: impl FnOnce(&mut Table<T>) -> R) -> R {
		let mut table = Table::open(meter.page());
		let result = f(&mut table);
		table.store();
		result
	}

	/// Changes trading balances, wherever they are kept.
	pub(crate) fn anywhere<R>(f: impl FnOnce(&mut Table<T>) -> R) -> R {
		f(&mut Table::bare())
	}
}
