//! What operators owe and could not pay: a queue per community, served first come, first served. The
//! only door to [`Claims`].
//!
//! A queue holds one claim per creditor; indices between its first and its next may be gaps, where a
//! claim was set off against what its creditor came to owe.

use frame_support::defensive;
use gridweave_primitives::{traits::MicrogridInspect, Balance, Be32, Be64, MicrogridId};
use sp_runtime::traits::Zero;

use crate::{
	types::{Claim, ClaimQueue, Creditor},
	ClaimIndex, ClaimQueues, Claims, Config, CreditorOf, Event, Indebted, Pallet,
};

/// What became of a step of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serving {
	/// Something was paid or a gap was passed: there may be more to do.
	Went,
	/// The queue is empty, or its operator has no money.
	Waits,
}

impl<T: Config> Pallet<T> {
	/// Whether a community has open claims.
	pub(crate) fn has_claims(microgrid: MicrogridId) -> bool {
		ClaimQueues::<T>::contains_key(Be32::from(microgrid))
	}

	/// A creditor's claim on a community.
	pub fn claim_of(microgrid: MicrogridId, creditor: &CreditorOf<T>) -> Balance {
		ClaimIndex::<T>::get(creditor, Be32::from(microgrid))
			.and_then(|index| Claims::<T>::get((Be32::from(microgrid), Be64::from(index))))
			.map_or(0, |claim| claim.amount)
	}

	/// Records what `operator` owes and could not pay.
	pub(crate) fn claim(
		microgrid: MicrogridId,
		operator: &T::AccountId,
		creditor: CreditorOf<T>,
		amount: Balance,
	) {
		if amount.is_zero() {
			return;
		}
		let key = Be32::from(microgrid);
		let mut queue = ClaimQueues::<T>::get(key).unwrap_or_else(|| {
			Self::owes_queue(operator, true);
			ClaimQueue {
				first: 0,
				next: 0,
				total: 0,
				debtor: operator.clone(),
			}
		});
		let index = ClaimIndex::<T>::get(&creditor, key).unwrap_or_else(|| {
			let index = queue.next;
			// 2⁶⁴ claims are never recorded.
			queue.next = queue.next.saturating_add(1);
			ClaimIndex::<T>::insert(&creditor, key, index);
			index
		});
		let entry = (key, Be64::from(index));
		// Sums of bills, far below the bounds of a balance.
		let total = Claims::<T>::get(entry)
			.map_or(0, |claim| claim.amount)
			.saturating_add(amount);
		Claims::<T>::insert(
			entry,
			Claim {
				creditor: creditor.clone(),
				amount: total,
			},
		);
		queue.total = queue.total.saturating_add(amount);
		ClaimQueues::<T>::insert(key, queue);
		Self::deposit_event(Event::ClaimRecorded {
			microgrid,
			creditor,
			amount,
			total,
		});
	}

	/// Reduces a creditor's claim by up to `amount`; returns by how much. The caller moves the money, or
	/// sets the claim off against what the creditor owes, and says which.
	pub(crate) fn reduce_claim(
		microgrid: MicrogridId,
		creditor: &CreditorOf<T>,
		amount: Balance,
		set_off: bool,
	) -> Balance {
		let key = Be32::from(microgrid);
		let Some(index) = ClaimIndex::<T>::get(creditor, key) else {
			return 0;
		};
		let entry = (key, Be64::from(index));
		let claimed = Claims::<T>::get(entry).map_or(0, |claim| claim.amount);
		let paid = amount.min(claimed);
		if paid.is_zero() {
			return 0;
		}
		let left = claimed.saturating_sub(paid);
		if left.is_zero() {
			Claims::<T>::remove(entry);
			ClaimIndex::<T>::remove(creditor, key);
		} else {
			Claims::<T>::insert(
				entry,
				Claim {
					creditor: creditor.clone(),
					amount: left,
				},
			);
		}
		ClaimQueues::<T>::mutate_exists(key, |queue| {
			let Some(open) = queue else {
				defensive!("a claim without its queue");
				return;
			};
			open.total = open.total.saturating_sub(paid);
			if left.is_zero() && index == open.first {
				open.first = index.saturating_add(1);
			}
			if open.total.is_zero() {
				Self::owes_queue(&open.debtor, false);
				*queue = None;
			}
		});
		Self::deposit_event(Event::ClaimPaid {
			microgrid,
			creditor: creditor.clone(),
			amount: paid,
			left,
			set_off,
		});
		paid
	}

	/// Serves the oldest claim of a queue from its operator's ledger, or passes one gap.
	pub(crate) fn serve_claim(microgrid: MicrogridId) -> Serving {
		let key = Be32::from(microgrid);
		let Some(mut queue) = ClaimQueues::<T>::get(key) else {
			return Serving::Waits;
		};
		// The debt is the community's operator's, whoever that has become.
		let operator = T::Microgrids::operator(microgrid).unwrap_or_else(|| queue.debtor.clone());
		if operator != queue.debtor {
			Self::owes_queue(&queue.debtor, false);
			Self::owes_queue(&operator, true);
			queue.debtor = operator.clone();
			ClaimQueues::<T>::insert(key, &queue);
		}
		let Some(claim) = Claims::<T>::get((key, Be64::from(queue.first))) else {
			if queue.first >= queue.next {
				defensive!("a queue with a total and no claim");
				return Serving::Waits;
			}
			queue.first = queue.first.saturating_add(1);
			ClaimQueues::<T>::insert(key, queue);
			return Serving::Went;
		};
		let paid = match &claim.creditor {
			// What the operator owes itself needs no money.
			Creditor::Member(who) if *who == operator => claim.amount,
			Creditor::Member(who) => Self::anywhere(|table| {
				let drawn = table.draw(&operator, claim.amount);
				table.credit(who, drawn);
				drawn
			}),
			Creditor::Fund => {
				let drawn = Self::anywhere(|table| table.draw(&operator, claim.amount));
				Self::add_to_fund(microgrid, drawn);
				drawn
			}
		};
		if paid.is_zero() {
			return Serving::Waits;
		}
		Self::reduce_claim(microgrid, &claim.creditor, paid, false);
		Serving::Went
	}

	/// Counts the queues an operator owes.
	fn owes_queue(operator: &T::AccountId, more: bool) {
		Indebted::<T>::mutate_exists(operator, |queues| {
			let count = queues.unwrap_or_default();
			let count = if more {
				count.saturating_add(1)
			} else {
				count.saturating_sub(1)
			};
			*queues = (!count.is_zero()).then_some(count);
		});
	}
}
