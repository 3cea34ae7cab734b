//! Solutions that couple call auctions: what is taken, and until when.

use alloc::vec::Vec;

use frame_support::{
	ensure,
	traits::{fungible::MutateHold, tokens::Precision, Get},
};
use gridweave_primitives::{
	link::OpenLink,
	microgrid::{Mechanism, Terms},
	traits::{LinkInspect, MicrogridInspect, SettlementClock},
	Balance, Be32, Be64, MicrogridId, Period, WattHours,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	coupling::{plan, Fault, Plan, Unsound},
	links,
	types::{BookId, Candidate, Solution},
	Config, Couplings, Error, Event, HoldReason, Pallet,
};

impl<T> From<Unsound> for Error<T> {
	fn from(unsound: Unsound) -> Self {
		match unsound {
			Unsound::NoFlow => Self::NoFlow,
			Unsound::NotInOrder => Self::NotInOrder,
			Unsound::UnknownLink => Self::UnknownLink,
			Unsound::BelowMinimum => Self::BelowLinkMinimum,
			Unsound::ExceedsCapacity => Self::ExceedsLinkCapacity,
			Unsound::Prices => Self::PricesMissing,
			Unsound::LinkLoses => Self::LinkLoses,
			Unsound::EnergyOutOfBounds => Self::EnergyOutOfBounds,
		}
	}
}

impl<T> From<Fault> for Error<T> {
	fn from(fault: Fault) -> Self {
		match fault {
			Fault::NotFilled => Self::NotTaken,
			Fault::PriceOffInterval => Self::PriceOffInterval,
			Fault::WorthLess => Self::NothingGained,
		}
	}
}

/// How long solutions are taken, and then looked at, in seconds: at most half a period, so that an auction ends long
/// before its period is settled.
pub(crate) fn window<T: Config>() -> u64 {
	let half = T::Clock::clock().period_length / 2;
	T::CouplingWindow::get().min(half.into())
}

/// Until when solutions are taken that concern a community with these terms, in Unix seconds.
pub(crate) fn window_end<T: Config>(terms: &Terms, period: Period) -> u64 {
	let gate = T::Microgrids::gate_closes_at(&T::Clock::clock(), terms, period);
	gate.saturating_add(window::<T>())
}

/// The key of a coupling.
pub(crate) fn key(until: u64, period: Period) -> (Be64, Be32) {
	(until.into(), period.into())
}

/// Links, and the community at the other end of each.
type LinksToOthers<AccountId> = Vec<(OpenLink<AccountId>, MicrogridId)>;

impl<T: Config> Pallet<T> {
	/// The links of a book's community over which its auction can be coupled with others, and the other community
	/// of each. Also how many were looked at.
	pub(crate) fn coupling_links(id: BookId, terms: &Terms) -> (LinksToOthers<T::AccountId>, u32) {
		let into = T::Links::links_into(id.microgrid, id.period).into_iter();
		let out = T::Links::links_out_of(id.microgrid, id.period).into_iter();
		let all: Vec<_> = into
			.map(|link| (link.terms.from, link))
			.chain(out.map(|link| (link.terms.to, link)))
			.collect();
		let looked = u32::try_from(all.len()).unwrap_or(u32::MAX);
		let until = window_end::<T>(terms, id.period);
		let coupled = all.into_iter().filter_map(|(other, link)| {
			let terms = T::Microgrids::terms(other, id.period)?;
			let auction = terms.rules.mechanism == Mechanism::CallAuction;
			(auction && window_end::<T>(&terms, id.period) == until).then_some((link, other))
		});
		(coupled.collect(), looked)
	}

	/// What a solution comes to, and until when it can be submitted, in Unix seconds.
	pub(crate) fn plan_coupling(
		period: Period,
		solution: &Solution,
	) -> Result<(u64, Plan<T::AccountId>), DispatchError> {
		let mut until = None;
		let mut links: Vec<(OpenLink<T::AccountId>, WattHours)> = Vec::new();
		for at in &solution.prices {
			let terms =
				T::Microgrids::terms(at.microgrid, period).ok_or(Error::<T>::PeriodNotOpen)?;
			ensure!(
				terms.rules.mechanism == Mechanism::CallAuction,
				Error::<T>::NotCallAuction
			);
			ensure!(
				at.price >= terms.rules.price_floor,
				Error::<T>::PriceBelowFloor
			);
			ensure!(at.price <= terms.rules.price_cap, Error::<T>::PriceAboveCap);
			let end = window_end::<T>(&terms, period);
			ensure!(
				until.is_none_or(|until| until == end),
				Error::<T>::GatesDiffer
			);
			until = Some(end);
			let into = T::Links::links_into(at.microgrid, period);
			links.extend(into.into_iter().map(|link| {
				let capacity = links::capacity::<T>(&link, period);
				(link, capacity)
			}));
		}
		let plan = plan(solution, &links).map_err(Error::<T>::from)?;
		Ok((until.unwrap_or_default(), plan))
	}

	/// Takes a solution, and lets go of the one with the least claim if there are too many.
	pub(crate) fn do_submit_coupling(
		who: T::AccountId,
		period: Period,
		solution: &Solution,
		claim: Balance,
	) -> DispatchResult {
		ensure!(claim > 0, Error::<T>::NothingGained);
		let (until, plan) = Self::plan_coupling(period, solution)?;
		let (now, window) = (T::Clock::now(), window::<T>());
		ensure!(
			now < until && now >= until.saturating_sub(window),
			Error::<T>::NotCouplingTime
		);
		// Claims that do not hold keep one that does from being looked at: for no less than what is lost by that, each.
		let deposit = T::CouplingDeposit::get().saturating_add(claim);
		let candidate = Candidate {
			who: who.clone(),
			deposit,
			claim,
			nets: plan.nets.try_into().map_err(|_| Error::<T>::NoFlow)?,
			carried: plan.carried.try_into().map_err(|_| Error::<T>::NoFlow)?,
		};
		let key = key(until, period);
		let mut coupling = Couplings::<T>::get(key).unwrap_or_default();
		if coupling.candidates.is_full() {
			let least = coupling.candidates.last().map_or(0, |last| last.claim);
			ensure!(claim > least, Error::<T>::ClaimTooLow);
			if let Some(last) = coupling.candidates.pop() {
				Self::dismiss(period, &last);
			}
		}
		T::Currency::hold(&HoldReason::Coupling.into(), &who, deposit)
			.map_err(|_| Error::<T>::DepositUnavailable)?;
		let place = coupling
			.candidates
			.partition_point(|other| other.claim >= claim);
		coupling
			.candidates
			.try_insert(place, candidate)
			.map_err(|_| Error::<T>::ClaimTooLow)?;
		Couplings::<T>::insert(key, coupling);
		Self::deposit_event(Event::CouplingSubmitted {
			who,
			period,
			claim,
			deposit,
		});
		Ok(())
	}

	/// Releases the deposit of a solution.
	pub(crate) fn release_deposit(candidate: &Candidate<T::AccountId>) {
		// All of it is there: nobody else uses this reason.
		let released = T::Currency::release(
			&HoldReason::Coupling.into(),
			&candidate.who,
			candidate.deposit,
			Precision::BestEffort,
		);
		if let Err(error) = released {
			log::error!(target: "runtime::order-book", "deposit of a solution: {error:?}");
		}
	}

	/// Lets go of a solution that is not looked at.
	pub(crate) fn dismiss(period: Period, candidate: &Candidate<T::AccountId>) {
		Self::release_deposit(candidate);
		Self::deposit_event(Event::CouplingDismissed {
			who: candidate.who.clone(),
			period,
		});
	}
}
