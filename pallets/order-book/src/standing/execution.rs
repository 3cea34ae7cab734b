//! What executing one standing order does.

use codec::Encode;
use frame_support::{
	storage::with_storage_layer,
	traits::{
		fungible::{Balanced, Credit},
		tokens::{Fortitude, Precision, Preservation},
		Get, Imbalance,
	},
	weights::Weight,
};
use gridweave_primitives::{
	market::Side,
	meter::MeterInfo,
	microgrid::Terms,
	traits::{MeterHistory, MeterInspect, SettlementClock},
	MeterId, WattHours,
};
use sp_runtime::{traits::Convert, DispatchError};

use super::{store, CALM_REMOVALS, EXPECTED_PERIODS};
use crate::{
	availability::rated,
	effort::Effort,
	types::{
		expected, BookId, EndReason, NewOrder, Quantity, StandingKey, StandingOrder, TimeInForce,
	},
	Config, Event, Pallet, WeightInfo,
};

/// What executing a standing order came to.
pub(crate) struct Executed<T: Config> {
	/// What it weighs.
	pub weight: Weight,
	/// Resting orders that it met.
	pub fills: u32,
	/// Whether the standing order is still there.
	pub stays: bool,
	/// What its owner paid.
	pub fee: Option<Credit<T::AccountId, T::Currency>>,
}

/// How much an instruction wants to place for a period: `None` if nothing is worth trying. A fixed quantity
/// always is: if the market refuses it, its owner is to learn of it.
fn wanted<T: Config>(
	info: &MeterInfo<T::AccountId>,
	terms: &Terms,
	(meter, side): StandingKey,
	order: &StandingOrder<T::AccountId>,
) -> Option<WattHours> {
	let expected = match order.instruction.quantity {
		Quantity::Fixed(_) => WattHours::ZERO,
		Quantity::Above { .. } => expected(side, &T::History::recent(meter, EXPECTED_PERIODS)),
	};
	let rated = rated(&info.ratings, side, T::Clock::clock().period_length);
	let energy = order.instruction.energy(expected, rated);
	let always = matches!(order.instruction.quantity, Quantity::Fixed(_));
	(always || energy >= terms.rules.min_quantity).then_some(energy)
}

impl<T: Config> Pallet<T> {
	/// The most that executing one standing order weighs, in a book that so many orders have left in this
	/// block.
	pub(crate) fn weight_of_execution(removals: u32) -> Weight {
		let (fills, links) = (T::MaxStandingFills::get(), T::MaxLinks::get());
		let own = Effort::walk(removals);
		let within = Effort {
			fills,
			links,
			storage_checks: 1,
			own_limits: 1,
			walks: own.walks.saturating_add(links),
			stepped_over: own
				.stepped_over
				.saturating_add(links.saturating_mul(CALM_REMOVALS)),
			..Effort::default()
		};
		let over = Effort {
			linked: fills,
			..within
		};
		Self::weight_of_order(&within)
			.max(Self::weight_of_order(&over))
			.max(T::WeightInfo::standing_nothing())
			.max(T::WeightInfo::end_standing_order())
	}

	/// What executing a standing order that places an order with this effort weighs.
	fn weight_of_order(effort: &Effort) -> Weight {
		// Fills within the book are those of the benchmark.
		let within = effort.fills.saturating_sub(effort.linked);
		let others = Effort {
			fills: effort.linked,
			..*effort
		};
		T::WeightInfo::standing_order(within)
			.saturating_add(Self::weight_of_new_book())
			.saturating_add(others.weight::<T>())
	}

	/// Executes a standing order for a period whose gate is open. `most` is the most that it may weigh.
	pub(crate) fn execute_standing(
		id: BookId,
		terms: &Terms,
		key: StandingKey,
		mut order: StandingOrder<T::AccountId>,
		most: Weight,
	) -> Executed<T> {
		let (meter, side) = key;
		let owned = |info: &MeterInfo<_>| info.owner == order.owner && info.may_trade();
		let Some(info) = T::Meters::meter(meter).filter(owned) else {
			return Self::end_in_turn(id, key, order, EndReason::MeterGone);
		};
		let Ok(paid) = T::Currency::withdraw(
			&order.owner,
			T::WeightToFee::convert(most),
			Precision::Exact,
			Preservation::Preserve,
			Fortitude::Polite,
		) else {
			return Self::end_in_turn(id, key, order, EndReason::Unpaid);
		};
		let mut effort = Effort {
			calm: Some(CALM_REMOVALS),
			standing: true,
			..Effort::of_fills::<T>(T::MaxStandingFills::get())
		};
		let weight = match wanted::<T>(&info, terms, key, &order) {
			None => T::WeightInfo::standing_nothing(),
			Some(energy) => {
				let new = NewOrder {
					meter,
					side,
					period: id.period,
					energy,
					limit_price: order.instruction.limit_price,
					time_in_force: TimeInForce::GoodUntilGate,
				};
				let placed = with_storage_layer(|| Self::do_place(&order.owner, &new, &mut effort));
				Self::note_refusal(id, key, &mut order, placed.err());
				Self::weight_of_order(&effort)
			}
		};
		Executed {
			weight,
			fills: effort.fills,
			stays: true,
			fee: Some(Self::give_back(&order.owner, paid, weight)),
		}
	}

	/// Ends a standing order whose turn it is.
	fn end_in_turn(
		id: BookId,
		key: StandingKey,
		order: StandingOrder<T::AccountId>,
		reason: EndReason,
	) -> Executed<T> {
		Self::end_standing(id.microgrid, key, order, reason);
		Executed {
			weight: T::WeightInfo::end_standing_order(),
			fills: 0,
			stays: false,
			fee: None,
		}
	}

	/// Notes why an order was refused, if it was. Tells it if that is new.
	fn note_refusal(
		id: BookId,
		(meter, side): (MeterId, Side),
		order: &mut StandingOrder<T::AccountId>,
		refused: Option<DispatchError>,
	) {
		// By what is stored: that is without the texts of errors.
		if order.refused.encode() == refused.encode() {
			return;
		}
		order.refused = refused;
		store::put::<T>(id.microgrid, (meter, side), order);
		if let Some(error) = refused {
			Self::deposit_event(Event::StandingOrderRefused {
				who: order.owner.clone(),
				meter,
				side,
				period: id.period,
				error,
			});
		}
	}

	/// Keeps of what was paid the fee for `weight` and gives the rest back.
	fn give_back(
		who: &T::AccountId,
		paid: Credit<T::AccountId, T::Currency>,
		weight: Weight,
	) -> Credit<T::AccountId, T::Currency> {
		let (fee, rest) = paid.split(T::WeightToFee::convert(weight));
		match T::Currency::resolve(who, rest) {
			Ok(()) => fee,
			// The account was kept alive: it can always receive.
			Err(rest) => fee.merge(rest),
		}
	}
}
