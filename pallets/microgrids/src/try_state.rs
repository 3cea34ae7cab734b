//! Invariants:
//!
//! 1. The clock fits the block time.
//! 2. Ids are dense: there are [`Count`] microgrids, at most [`Config::MaxMicrogrids`], with ids from 0.
//! 3. All terms, present and of open periods, are sound.
//! 4. On each operator's account exactly the deposits of its microgrids are held, on all others nothing.
//! 5. Every period range belongs to a microgrid and is ordered: `first ≤ from ≤ until`.
//! 6. Terms are stored for exactly the periods of the ranges: all from `from` up to `until`, but for those
//!    skipped, and `from` itself is never one of those.
//! 7. An offer belongs to a microgrid and goes to another account than its operator's.
//! 8. Passes stay within the microgrids.
//! 9. Links are sound and between microgrids. Exactly those that both sides have agreed to are in the lists
//!    of both, in order of their ids; none closes before it opens; for no period two lead the same way.
//! 10. On each account exactly the deposits of its links are held.

use alloc::{
	collections::{btree_map::BTreeMap, btree_set::BTreeSet},
	vec::Vec,
};

use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
	BoundedVec,
};
use gridweave_primitives::{Balance, Be32, LinkId, MicrogridId, Period};
use sp_runtime::TryRuntimeError;

use crate::{
	Clock, Config, Count, HoldReason, LinkStage, Links, LinksInto, LinksOutOf, Microgrids,
	NextLinkId, Offers, OpenPass, Pallet, PeriodTerms, Periods, PrunePass,
};

impl<T: Config> Pallet<T> {
	/// Checks the invariants of this pallet.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Clock::<T>::get()
			.check(T::BlockSeconds::get())
			.map_err(TryRuntimeError::Other)?;
		Self::try_microgrids()?;
		Self::try_periods()?;
		Self::try_links()?;
		let count = Count::<T>::get();
		ensure!(
			OpenPass::<T>::get().next.0 <= count,
			"opening is beyond the last microgrid"
		);
		ensure!(
			PrunePass::<T>::get().next.0 <= count,
			"pruning is beyond the last microgrid"
		);
		Ok(())
	}

	fn try_microgrids() -> Result<(), TryRuntimeError> {
		let count = Count::<T>::get();
		ensure!(count <= T::MaxMicrogrids::get(), "too many microgrids");
		let mut stored = 0u32;
		let mut deposits = BTreeMap::<T::AccountId, Balance>::new();
		for (id, microgrid) in Microgrids::<T>::iter() {
			stored = stored.saturating_add(1);
			ensure!(id.0 < count, "a microgrid's id is beyond their number");
			ensure!(
				Self::check_terms(&microgrid.terms).is_ok(),
				"a microgrid's terms are unsound"
			);
			let sum = deposits.entry(microgrid.operator).or_default();
			*sum = sum.saturating_add(microgrid.deposit);
		}
		ensure!(stored == count, "microgrids are missing");
		Self::try_deposits(HoldReason::Microgrid, deposits)?;
		for (id, successor) in Offers::<T>::iter() {
			let microgrid = Microgrids::<T>::get(id).ok_or("an offer of no microgrid")?;
			ensure!(
				microgrid.operator != successor,
				"an offer to the operator itself"
			);
		}
		Ok(())
	}

	fn try_periods() -> Result<(), TryRuntimeError> {
		let mut kept = BTreeMap::<MicrogridId, u32>::new();
		for ((id, period), terms) in PeriodTerms::<T>::iter() {
			let (id, period) = (MicrogridId(id.get()), Period(period.get()));
			let range = Periods::<T>::get(id).ok_or("a period of no microgrid")?;
			ensure!(
				range.from <= period && period < range.until,
				"a period out of range"
			);
			ensure!(
				Self::check_terms(&terms).is_ok(),
				"a period's terms are unsound"
			);
			let count = kept.entry(id).or_default();
			*count = count.saturating_add(1);
		}
		for (id, range) in Periods::<T>::iter() {
			ensure!(Microgrids::<T>::contains_key(id), "a range of no microgrid");
			ensure!(
				range.first <= range.from && range.from <= range.until,
				"a disordered range"
			);
			let kept = kept.get(&id).copied().unwrap_or_default();
			ensure!(
				range.until.0.checked_sub(range.from.0) == kept.checked_add(range.skipped),
				"a range does not count its periods",
			);
			ensure!(
				range.from == range.until
					|| PeriodTerms::<T>::contains_key((Be32::from(id), Be32::from(range.from))),
				"a range starts with a period that is not kept",
			);
		}
		Ok(())
	}

	fn try_links() -> Result<(), TryRuntimeError> {
		let next = NextLinkId::<T>::get();
		let mut deposits = BTreeMap::<T::AccountId, Balance>::new();
		let mut into = BTreeMap::<MicrogridId, BTreeSet<LinkId>>::new();
		let mut out_of = into.clone();
		let mut open = BTreeMap::<_, Vec<_>>::new();
		for (id, link) in Links::<T>::iter() {
			ensure!(id < next, "a link's id was not given out");
			let terms = link.terms;
			ensure!(terms.check().is_ok(), "a link's terms are unsound");
			for side in [terms.from, terms.to] {
				ensure!(Microgrids::<T>::contains_key(side), "a link to nowhere");
			}
			match link.stage {
				LinkStage::Proposed { awaits } => {
					ensure!(
						[terms.from, terms.to].contains(&awaits),
						"a link awaits others"
					);
				}
				LinkStage::Open { first, until } => {
					ensure!(
						until.is_none_or(|until| first < until),
						"a link closes before it opens"
					);
					open.entry((terms.from, terms.to))
						.or_default()
						.push((first, until));
					into.entry(terms.to).or_default().insert(id);
					out_of.entry(terms.from).or_default().insert(id);
				}
			}
			let sum = deposits.entry(link.operator).or_default();
			*sum = sum.saturating_add(link.deposit);
		}
		for spans in open.values_mut() {
			spans.sort();
			let apart = |two: &[(Period, Option<Period>)]| match two {
				[(_, until), (first, _)] => until.is_some_and(|until| until <= *first),
				_ => true,
			};
			ensure!(spans.windows(2).all(apart), "two links lead the same way");
		}
		let listed = |lists: BTreeMap<MicrogridId, _>,
		              found: &BTreeMap<MicrogridId, BTreeSet<LinkId>>| {
			lists.len() == found.len()
				&& lists
					.into_iter()
					.all(|(grid, ids): (_, BoundedVec<LinkId, T::MaxLinks>)| {
						found
							.get(&grid)
							.is_some_and(|links| links.iter().eq(ids.iter()))
					})
		};
		ensure!(
			listed(LinksInto::<T>::iter().collect(), &into)
				&& listed(LinksOutOf::<T>::iter().collect(), &out_of),
			"lists of links are wrong"
		);
		Self::try_deposits(HoldReason::Link, deposits)
	}

	/// On each account these deposits are held, on all others nothing.
	fn try_deposits(
		reason: HoldReason,
		mut deposits: BTreeMap<T::AccountId, Balance>,
	) -> Result<(), TryRuntimeError> {
		let reason = reason.into();
		// All accounts: a hold may have been left on that of a former operator.
		for who in frame_system::Account::<T>::iter_keys() {
			let held = T::Currency::balance_on_hold(&reason, &who);
			let deposited = deposits.remove(&who).unwrap_or_default();
			ensure!(
				held == deposited,
				"an account's deposits are not what is held"
			);
		}
		ensure!(
			deposits.into_values().all(|sum| sum == 0),
			"an operator with a deposit has no account"
		);
		Ok(())
	}
}
