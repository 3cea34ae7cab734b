//! Links: proposed by one side, accepted by the other, closed by either.
//!
//! The terms of a link never change, and a link opens and closes with periods that neither of its
//! microgrids has opened yet. So which links a period has, and on which terms, is as fixed as the period's
//! own terms from the moment it opens, and nothing has to be stored for it.

use alloc::vec::Vec;

use frame_support::{
	ensure,
	traits::{fungible::MutateHold, tokens::Precision, Get, UnixTime},
	weights::WeightMeter,
	BoundedVec,
};
use gridweave_primitives::{
	link::{LinkTerms, OpenLink},
	traits::LinkInspect,
	LinkId, MicrogridId, Period,
};
use sp_runtime::DispatchResult;

use crate::{
	types::{Link, LinkStage},
	Clock, Config, Error, Event, HoldReason, Links, LinksInto, LinksOutOf, Microgrids, NextLinkId,
	Pallet, Periods, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// Stores a proposed link; opens it at once if its proposer operates both microgrids.
	pub(crate) fn do_propose_link(operator: T::AccountId, terms: LinkTerms) -> DispatchResult {
		terms.check().map_err(Error::<T>::from)?;
		let operates = |microgrid| {
			let record = Microgrids::<T>::get(microgrid).ok_or(Error::<T>::UnknownMicrogrid)?;
			Ok::<_, Error<T>>(record.operator == operator)
		};
		let awaits = match (operates(terms.from)?, operates(terms.to)?) {
			(true, true) => None,
			(true, false) => Some(terms.to),
			(false, true) => Some(terms.from),
			(false, false) => return Err(Error::<T>::NotOperator.into()),
		};
		let deposit = T::LinkDeposit::get();
		T::Currency::hold(&HoldReason::Link.into(), &operator, deposit)
			.map_err(|_| Error::<T>::DepositUnavailable)?;
		let id = NextLinkId::<T>::mutate(|next| {
			let id = *next;
			// Deposits and fees bound how many are proposed: far below 2^32.
			next.0 = next.0.saturating_add(1);
			id
		});
		Self::deposit_event(Event::LinkProposed {
			link: id,
			operator: operator.clone(),
			terms,
			deposit,
		});
		let link = Link {
			terms,
			operator,
			deposit,
			stage: LinkStage::Proposed {
				awaits: awaits.unwrap_or(terms.to),
			},
		};
		match awaits {
			Some(_) => Links::<T>::insert(id, link),
			None => Self::open_link(id, link)?,
		}
		Ok(())
	}

	/// Accepts a proposed link for the side that has not agreed yet.
	pub(crate) fn do_accept_link(who: &T::AccountId, id: LinkId) -> DispatchResult {
		let link = Links::<T>::get(id).ok_or(Error::<T>::UnknownLink)?;
		let LinkStage::Proposed { awaits } = link.stage else {
			return Err(Error::<T>::NotProposed.into());
		};
		ensure!(Self::operates(who, awaits), Error::<T>::NotOperator);
		Self::open_link(id, link)
	}

	/// Closes a link, or takes a proposed one back.
	pub(crate) fn do_close_link(who: &T::AccountId, id: LinkId) -> DispatchResult {
		let mut link = Links::<T>::get(id).ok_or(Error::<T>::UnknownLink)?;
		let LinkTerms { from, to, .. } = link.terms;
		ensure!(
			link.operator == *who || Self::operates(who, from) || Self::operates(who, to),
			Error::<T>::NotOperator
		);
		let first = match link.stage {
			LinkStage::Proposed { .. } => return Self::remove_link(id, &link),
			LinkStage::Open { until: Some(_), .. } => return Err(Error::<T>::AlreadyClosed.into()),
			LinkStage::Open { first, until: None } => first,
		};
		let until = Self::first_unopened(from).max(Self::first_unopened(to));
		if until <= first {
			// It never was open for any period.
			return Self::remove_link(id, &link);
		}
		link.stage = LinkStage::Open {
			first,
			until: Some(until),
		};
		Links::<T>::insert(id, link);
		Self::deposit_event(Event::LinkClosed { link: id, until });
		Ok(())
	}

	/// Opens a link for all periods that neither side has opened yet.
	fn open_link(id: LinkId, mut link: Link<T::AccountId>) -> DispatchResult {
		let LinkTerms { from, to, .. } = link.terms;
		// A second one of the same period would lead to the same orders.
		let parallel = |id: &LinkId| {
			Links::<T>::get(id).is_some_and(|other| other.terms.to == to && !other.is_closed())
		};
		ensure!(
			!LinksOutOf::<T>::get(from).iter().any(parallel),
			Error::<T>::AlreadyLinked
		);
		let add = |links: &mut BoundedVec<LinkId, T::MaxLinks>| {
			let place = links.binary_search(&id).unwrap_or_else(|place| place);
			links.try_insert(place, id)
		};
		LinksOutOf::<T>::try_mutate(from, add).map_err(|_| Error::<T>::TooManyLinks)?;
		LinksInto::<T>::try_mutate(to, add).map_err(|_| Error::<T>::TooManyLinks)?;
		let first = Self::first_unopened(from).max(Self::first_unopened(to));
		link.stage = LinkStage::Open { first, until: None };
		Links::<T>::insert(id, link);
		Self::deposit_event(Event::LinkOpened { link: id, first });
		Ok(())
	}

	/// Forgets a link and gives its deposit back.
	fn remove_link(id: LinkId, link: &Link<T::AccountId>) -> DispatchResult {
		let forget = |stored: &mut Option<BoundedVec<LinkId, T::MaxLinks>>| {
			let Some(links) = stored else { return };
			links.retain(|link| *link != id);
			if links.is_empty() {
				*stored = None;
			}
		};
		LinksOutOf::<T>::mutate_exists(link.terms.from, forget);
		LinksInto::<T>::mutate_exists(link.terms.to, forget);
		Links::<T>::remove(id);
		// All of it is there: nobody else uses this reason. See `accept_operator`.
		T::Currency::release(
			&HoldReason::Link.into(),
			&link.operator,
			link.deposit,
			Precision::BestEffort,
		)?;
		Self::deposit_event(Event::LinkRemoved { link: id });
		Ok(())
	}

	/// Removes the links of a microgrid whose last period both sides have pruned. Without room for that in
	/// the budget they stay until the microgrid's next period is pruned.
	pub(crate) fn prune_links(microgrid: MicrogridId, meter: &mut WeightMeter) {
		let base = T::WeightInfo::prune_links(0);
		if meter.try_consume(base).is_err() {
			return;
		}
		let into = LinksInto::<T>::get(microgrid);
		let ids: Vec<LinkId> = into
			.into_iter()
			.chain(LinksOutOf::<T>::get(microgrid))
			.collect();
		let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
		let each = T::WeightInfo::prune_links(count).saturating_sub(base);
		if meter.try_consume(each).is_err() {
			return;
		}
		for id in ids {
			let Some(link) = Links::<T>::get(id).filter(Self::is_over) else {
				continue;
			};
			if let Err(error) = Self::remove_link(id, &link) {
				log::error!(target: "runtime::microgrids", "deposit of link {id}: {error:?}");
			}
		}
	}

	/// Whether no period is kept any more that a link was open for.
	fn is_over(link: &Link<T::AccountId>) -> bool {
		let LinkStage::Open {
			until: Some(until), ..
		} = link.stage
		else {
			return false;
		};
		[link.terms.from, link.terms.to]
			.into_iter()
			.all(|side| Periods::<T>::get(side).is_some_and(|range| range.from >= until))
	}

	/// The first period of a microgrid that has not opened yet, or one before.
	fn first_unopened(microgrid: MicrogridId) -> Period {
		match Periods::<T>::get(microgrid) {
			Some(range) => range.until,
			// It starts in the next block, with the period of that.
			None => Clock::<T>::get().period_at(T::Time::now().as_secs()),
		}
	}

	/// Whether `who` operates a microgrid.
	fn operates(who: &T::AccountId, microgrid: MicrogridId) -> bool {
		Microgrids::<T>::get(microgrid).is_some_and(|record| record.operator == *who)
	}

	/// Those of some links that are open for a period.
	fn open_for(
		ids: BoundedVec<LinkId, T::MaxLinks>,
		period: Period,
	) -> Vec<OpenLink<T::AccountId>> {
		ids.into_iter()
			.filter_map(|id| {
				let link = Links::<T>::get(id)?;
				link.stage.is_open_for(period).then_some(OpenLink {
					id,
					terms: link.terms,
					operator: link.operator,
				})
			})
			.collect()
	}

	/// All links that a microgrid has agreed to, in either direction, and that are still kept.
	pub fn links_of(microgrid: MicrogridId) -> Vec<(LinkId, Link<T::AccountId>)> {
		let ids = LinksInto::<T>::get(microgrid).into_iter();
		ids.chain(LinksOutOf::<T>::get(microgrid))
			.filter_map(|id| Some((id, Links::<T>::get(id)?)))
			.collect()
	}
}

impl<T: Config> LinkInspect<T::AccountId> for Pallet<T> {
	fn most() -> u32 {
		T::MaxLinks::get()
	}

	fn links_into(microgrid: MicrogridId, period: Period) -> Vec<OpenLink<T::AccountId>> {
		Self::open_for(LinksInto::<T>::get(microgrid), period)
	}

	fn links_out_of(microgrid: MicrogridId, period: Period) -> Vec<OpenLink<T::AccountId>> {
		Self::open_for(LinksOutOf::<T>::get(microgrid), period)
	}
}
