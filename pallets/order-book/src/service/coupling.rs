//! The coupling of call auctions ([`crate::coupling`]), on the orders in storage, in bounded steps.
//!
//! From the closing of the gate on, solutions are taken for a time. The books that could be coupled wait for that
//! ([`Stage::Await`]). Then the solutions are looked at, the highest claim first: each of their books is read twice,
//! without and with what its community trades with links. One that holds is carried out at once; after it only such
//! are looked at that concern none of its communities. In the end the books go on from there ([`Outcomes`]); all
//! others, and all of them if none holds, clear by themselves.
//!
//! * *Progress*: a step is the reading of an order, or a fill. What is not done in a block is stored and gone on
//!   with in the next one, with at most half of what the service of books may use.
//! * *In time*: solutions are looked at for no longer than they were taken. Then the books go on without.
//! * *Blame*: who submitted a solution that does not hold loses the deposit; but nobody does once an order was found
//!   whose meter has come under quarantine, for that changes what holds.

use frame_support::{
	traits::{fungible::BalancedHold, Get, Imbalance, OnUnbalanced},
	weights::WeightMeter,
};
use gridweave_primitives::{
	market::Side,
	microgrid::Mechanism,
	traits::{MicrogridInspect, Quarantine, SettlementClock},
	Balance, Be32, Be64, Period, WattHours,
};

use super::{auction::limit_order, Turn};
use crate::{
	auction::Next,
	book,
	coupling::{Fault, Scan},
	seek,
	submission::{key, window, window_end},
	types::{
		Book, BookId, CancelReason, Candidate, Coupling, CouplingStage, Cursor, Exchanging, Stage,
		Verification,
	},
	Config, Couplings, Event, HoldReason, Outcomes, Pallet, WeightInfo,
};

/// What looking at a solution came to.
enum Looked {
	/// There was no room for more.
	NoRoom,
	/// It holds, and is worth so much more than the separate auctions, in planck.
	Holds(Balance),
	/// It does not hold.
	Fails(Fault),
	/// The books are not as they should be.
	Corrupt,
}

impl<T: Config> Pallet<T> {
	/// What a call auction does before it clears by itself, if anything: waits for solutions, and for them to be
	/// looked at, or clears as the one says that holds.
	pub(crate) fn await_coupling(id: BookId, now: u64, meter: &mut WeightMeter) -> Option<Turn> {
		if T::CouplingWindow::get() == 0 {
			return None;
		}
		let terms = T::Microgrids::terms(id.microgrid, id.period)?;
		let until = window_end::<T>(&terms, id.period);
		let wait = Turn::Next(Stage::Await { until });
		if now < until {
			let (links, looked) = Self::coupling_links(id, &terms);
			if meter.try_consume(Self::weight_of_links(looked)).is_err() {
				return Some(Turn::NoRoom);
			}
			return (!links.is_empty()).then_some(wait);
		}
		if Couplings::<T>::contains_key(key(until, id.period)) {
			return Some(wait);
		}
		let execution = Outcomes::<T>::take((Be32::from(id.microgrid), Be32::from(id.period)))?;
		if !execution.left().is_zero() {
			Self::deposit_event(Event::AuctionCleared {
				microgrid: id.microgrid,
				period: id.period,
				price: execution.price(),
				volume: execution.left(),
			});
		}
		Some(Turn::Next(Stage::Clear(execution)))
	}

	/// Looks at solutions and carries out the one that holds, as far as half of the budget goes.
	pub(crate) fn serve_couplings(meter: &mut WeightMeter) {
		if meter.try_consume(T::DbWeight::get().reads(1)).is_err() || Couplings::<T>::count() == 0 {
			return;
		}
		let mut own = WeightMeter::with_limit(meter.remaining().div(2));
		while own.try_consume(T::WeightInfo::advance_coupling()).is_ok() {
			let count = Couplings::<T>::count().min(1);
			let first = seek::at_most(count, Couplings::<T>::iter()).next();
			let Some((at, coupling)) = first else { break };
			let now = T::Clock::now();
			if at.0.get() > now || !Self::couple(at, coupling, now, &mut own) {
				break;
			}
		}
		meter.consume(own.consumed());
	}

	/// Goes on with a coupling. Whether it is done.
	fn couple(
		(until, period): (Be64, Be32),
		mut coupling: Coupling<T::AccountId>,
		now: u64,
		meter: &mut WeightMeter,
	) -> bool {
		let key = (until, period);
		let period = Period(period.get());
		let late = now >= until.get().saturating_add(window::<T>());
		let done = loop {
			let stage = core::mem::take(&mut coupling.stage);
			let Some(candidate) = coupling.candidates.first().cloned() else {
				break true;
			};
			// What comes of a look is at most that all solutions are let go of.
			let solutions = u32::try_from(coupling.candidates.len()).unwrap_or(u32::MAX);
			let releases = Self::weight_of_releases(solutions);
			match stage {
				CouplingStage::Verify(verification) if late => {
					if meter.try_consume(releases).is_err() {
						coupling.stage = CouplingStage::Verify(verification);
						break false;
					}
					Self::dismiss_all(period, &coupling);
					break true;
				}
				CouplingStage::Verify(mut verification) => {
					let barred = &mut coupling.barred;
					match Self::verify(period, &candidate, &mut verification, barred, meter) {
						Looked::NoRoom => {
							coupling.stage = CouplingStage::Verify(verification);
							break false;
						}
						// The same is found again, and nothing read for it.
						_ if meter.try_consume(releases).is_err() => {
							coupling.stage = CouplingStage::Verify(verification);
							break false;
						}
						Looked::Holds(gain) => {
							coupling.stage =
								Self::accept(period, &mut coupling, verification, gain);
						}
						Looked::Fails(fault) => {
							coupling.candidates.remove(0);
							Self::refuse(period, &candidate, fault, !coupling.barred);
						}
						Looked::Corrupt => {
							log::error!(target: super::LOG_TARGET, "coupling of {period:?}");
							Self::dismiss_all(period, &coupling);
							break true;
						}
					}
				}
				CouplingStage::Exchange(mut exchanging) => {
					if !Self::exchange(period, &candidate, &mut exchanging, meter) {
						coupling.stage = CouplingStage::Exchange(exchanging);
						break false;
					}
					coupling.candidates.remove(0);
				}
			}
		};
		if done {
			Couplings::<T>::remove(key);
		} else {
			Couplings::<T>::insert(key, coupling);
		}
		done
	}

	/// Reads the books of a solution.
	fn verify(
		period: Period,
		candidate: &Candidate<T::AccountId>,
		verification: &mut Verification,
		barred: &mut bool,
		meter: &mut WeightMeter,
	) -> Looked {
		while let Some(net) = candidate.nets.get(verification.place as usize) {
			if meter
				.try_consume(T::WeightInfo::advance_coupling())
				.is_err()
			{
				return Looked::NoRoom;
			}
			let id = BookId {
				microgrid: net.microgrid,
				period,
			};
			let read = match book::load::<T>(id) {
				Some(mut book) => {
					let read = Self::read_book(id, &mut book, verification, barred, meter);
					book::save::<T>(id, &book);
					read
				}
				// Nobody placed an order there: energy can but go through.
				None => verification.scan.feed_nothing().ok().map(|()| true),
			};
			match read {
				None => return Looked::Corrupt,
				Some(false) => return Looked::NoRoom,
				Some(true) => {}
			}
			let worth = verification.scan.worth();
			(verification.bids, verification.asks) = (Cursor::default(), Cursor::default());
			if verification.coupled {
				let within = match verification.scan.within(net.price) {
					Ok(within) => within,
					Err(fault) => return Looked::Fails(fault),
				};
				if verification.within.try_push(within).is_err() {
					return Looked::Corrupt;
				}
				verification.gain = verification.gain.saturating_add(worth);
				verification.scan = Scan::default();
				verification.place = verification.place.saturating_add(1);
			} else {
				let Some(scan) = Scan::coupled(net) else {
					return Looked::Corrupt;
				};
				verification.gain = verification.gain.saturating_sub(worth);
				verification.scan = scan;
			}
			verification.coupled = !verification.coupled;
		}
		let gain = candidate.gain(verification.gain);
		if gain < candidate.claim {
			return Looked::Fails(Fault::WorthLess);
		}
		Looked::Holds(gain)
	}

	/// Reads orders of a book, best first, until it is known what it comes to, or there is no room for more: `false`.
	/// `None` if they are not as they should be.
	fn read_book(
		id: BookId,
		book: &mut Book,
		verification: &mut Verification,
		barred: &mut bool,
		meter: &mut WeightMeter,
	) -> Option<bool> {
		let (read, cancel) = (
			T::WeightInfo::discover_order(),
			Self::weight_of_expiry(book),
		);
		while let Next::Order(side) = verification.scan.next() {
			if !meter.can_consume(read.saturating_add(cancel)) {
				return Some(false);
			}
			meter.consume(read);
			let cursor = match side {
				Side::Bid => &mut verification.bids,
				Side::Ask => &mut verification.asks,
			};
			let order = book::next::<T>(id, book, side, cursor);
			if let Some((place, resting)) = &order {
				cursor.after = Some(*place);
				if T::Quarantine::is_quarantined(resting.meter) {
					meter.consume(cancel);
					book::remove::<T>(id, book, side, *place);
					let reason = CancelReason::Quarantined;
					Self::release(id, book, side, *place, resting, reason);
					*barred = true;
					continue;
				}
				cursor.kept = cursor.kept.saturating_add(1);
			}
			let order = order.map(|(place, resting)| limit_order(&place, &resting));
			verification.scan.feed(order).ok()?;
		}
		Some(true)
	}

	/// A solution holds: what is to be done next. Of the others those are left that concern none of its communities.
	fn accept(
		period: Period,
		coupling: &mut Coupling<T::AccountId>,
		verification: Verification,
		gain: Balance,
	) -> CouplingStage {
		let candidates = core::mem::take(&mut coupling.candidates);
		let best = candidates.first().cloned();
		for (place, candidate) in candidates.into_iter().enumerate() {
			let is_best = place == 0;
			let clear = |best| !candidate.concerns_any_of(best);
			if is_best || best.as_ref().is_none_or(clear) {
				// As many as there were.
				let _ = coupling.candidates.try_push(candidate);
			} else {
				Self::dismiss(period, &candidate);
			}
		}
		if let Some(best) = best {
			Self::release_deposit(&best);
			Self::deposit_event(Event::CouplingAccepted {
				who: best.who,
				period,
				gain,
				nets: best.nets.into_inner(),
				carried: best.carried.into_inner(),
			});
		}
		CouplingStage::Exchange(Exchanging {
			side: Side::Bid,
			place: 0,
			done: WattHours::ZERO,
			pot: 0,
			within: verification.within,
			closed: 0,
			failed: None,
		})
	}

	/// A solution does not hold. Its deposit is lost if its owner is to blame.
	fn refuse(period: Period, candidate: &Candidate<T::AccountId>, fault: Fault, blamed: bool) {
		let mut slashed = 0;
		if blamed {
			let reason = HoldReason::Coupling.into();
			let (credit, _) = T::Currency::slash(&reason, &candidate.who, candidate.deposit);
			slashed = credit.peek();
			T::Fees::on_unbalanced(credit);
		} else {
			Self::release_deposit(candidate);
		}
		Self::deposit_event(Event::CouplingRefused {
			who: candidate.who.clone(),
			period,
			fault,
			slashed,
		});
	}

	fn dismiss_all(period: Period, coupling: &Coupling<T::AccountId>) {
		for candidate in &coupling.candidates {
			Self::dismiss(period, candidate);
		}
	}

	/// What is done for a book that need not wait for others any more.
	pub(crate) fn stage_without_coupling() -> Stage {
		Stage::at_gate(Mechanism::CallAuction)
	}
}
