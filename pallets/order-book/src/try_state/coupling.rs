//! Couplings under way.

use alloc::collections::{btree_map::BTreeMap, btree_set::BTreeSet};

use frame_support::ensure;
use gridweave_primitives::{
	traits::{OnTrade, SettlementClock},
	Balance, Period,
};
use sp_runtime::TryRuntimeError;

use crate::{
	types::{BookId, Candidate, CouplingStage, Stage},
	Agenda, Config, Couplings, Outcomes, Pallet,
};

impl<T: Config> Pallet<T> {
	/// What is held for solutions, by account.
	pub fn held_for_solutions() -> BTreeMap<T::AccountId, Balance> {
		let mut held: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
		for coupling in Couplings::<T>::iter_values() {
			// That of the one that is carried out is released.
			let released = usize::from(matches!(coupling.stage, CouplingStage::Exchange(_)));
			for candidate in coupling.candidates.into_iter().skip(released) {
				let sum = held.entry(candidate.who).or_default();
				*sum = sum.saturating_add(candidate.deposit);
			}
		}
		held
	}

	/// The books of couplings that are being carried out.
	pub(super) fn exchanging_books() -> BTreeSet<BookId> {
		let mut books = BTreeSet::new();
		for ((_, period), coupling) in Couplings::<T>::iter() {
			if matches!(coupling.stage, CouplingStage::Verify(_)) {
				continue;
			}
			for candidate in coupling.candidates.into_iter().take(1) {
				let nets = candidate.nets.into_iter();
				books.extend(nets.map(|net| BookId {
					microgrid: net.microgrid,
					period: Period(period.get()),
				}));
			}
		}
		books
	}

	/// Solutions come by falling claims, deposits are held, nothing is kept that nobody comes back to, and what
	/// buyers have paid is what others wait for.
	pub(super) fn check_couplings() -> Result<(), TryRuntimeError> {
		let mut pots: Balance = 0;
		for ((until, _), coupling) in Couplings::<T>::iter() {
			let claims = coupling.candidates.iter().map(|candidate| candidate.claim);
			ensure!(
				claims
					.clone()
					.zip(claims.clone().skip(1))
					.all(|(one, next)| one >= next),
				"solutions are out of order"
			);
			ensure!(claims.count() > 0, "a coupling without solutions is kept");
			let window = crate::submission::window::<T>();
			ensure!(
				T::Clock::now() >= until.get().saturating_sub(window),
				"a solution came before the gate was closed"
			);
			if let CouplingStage::Exchange(exchanging) = coupling.stage {
				let mut candidates = coupling.candidates.iter();
				let first = candidates.next();
				let clear =
					|other: &Candidate<_>| !first.is_some_and(|one| other.concerns_any_of(one));
				ensure!(
					candidates.all(clear),
					"a solution waits that concerns a community of the one that is carried out"
				);
				pots = pots.saturating_add(exchanging.pot);
			}
		}
		ensure!(
			pots == T::Trades::imports_unpaid(),
			"what buyers from links have paid is not what is waited for"
		);
		for (who, amount) in Self::held_for_solutions() {
			let reason = crate::HoldReason::Coupling.into();
			let held =
				<T::Currency as frame_support::traits::fungible::InspectHold<_>>::balance_on_hold(
					&reason, &who,
				);
			ensure!(held == amount, "a deposit for a solution is not held");
		}
		for (microgrid, period) in Outcomes::<T>::iter_keys() {
			let waits = Agenda::<T>::iter().any(|((_, _, grid, of), stage)| {
				let waits = matches!(stage, Stage::Await { .. } | Stage::Discover { .. });
				(grid, of) == (microgrid, period) && waits
			});
			ensure!(waits, "no book waits for what is left to trade");
		}
		Ok(())
	}
}
