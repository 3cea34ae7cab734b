//! Communities whose members trade: what they have with the clearing house, what rests in a book, what was
//! traded and metered. Made by the calls that members would send, executed natively.

use anyhow::{anyhow, ensure, Result};
use frame_support::traits::UnfilteredDispatchable;
use gridweave_primitives::{
	ids::METERS_PER_PAGE, market::Side, microgrid::Mechanism, Balance, MeterId, Period, Price,
	WattHours,
};
use gridweave_runtime::{
	genesis, AccountId, BlockNumber, Runtime, RuntimeCall, RuntimeOrigin, System, GRID,
};
use pallet_order_book::{NewOrder, TimeInForce};
use sp_storage::Storage;

use crate::{
	community::{account, Community, CLOCK, MICROGRID, START},
	service::pass_until,
};

/// What each member has with the clearing house when it begins to trade.
const TRADING_BALANCE: Balance = 4 * GRID;

/// What the operator has there, to front what members owe.
const FRONTED: Balance = 100_000 * GRID;

/// Energy of an order that is matched on arrival.
pub const EACH: WattHours = WattHours(100);

/// Between the prices of bids and asks that rest.
pub const MIDDLE: Price = Price(200_000);

/// How far from the middle these prices are at most.
const SPREAD: u64 = 80_000;

/// Buys at any price that is asked.
pub const BUYING: (Side, Price) = (Side::Bid, Price(300_000));

/// Sells at any price that is bid.
pub const SELLING: (Side, Price) = (Side::Ask, Price(80_000));

/// Members without an order in the book: those who send the transactions that are measured.
pub const ACTIVE: u32 = 219 * METERS_PER_PAGE;

/// Within the bound of orders that may leave a book in a block.
const TRADES_OF_A_BLOCK: BlockNumber = 500;

/// A community with a book in which orders rest, one each of its first members.
#[derive(Clone, Copy, Debug)]
pub struct Market {
	/// How many members have no order there when the book has the most that is measured; besides [`ACTIVE`].
	pub members: u32,
	/// How many orders rest.
	pub orders: u32,
	/// How the book clears.
	pub mechanism: Mechanism,
}

/// A community that has a period to be settled: the one after [`START`]'s. One of three meters has traded.
#[derive(Clone, Copy, Debug)]
pub struct Delivered {
	/// How many meters.
	pub meters: u32,
}

/// So many meters and what a page lacks.
fn whole_pages(meters: u32) -> u32 {
	meters.next_multiple_of(METERS_PER_PAGE)
}

/// A number that goes with `n` and looks like any other.
pub fn scatter(n: u32) -> u64 {
	u64::from_le_bytes(sp_io::hashing::twox_64(&n.to_le_bytes()))
}

/// A meter's order.
pub fn order(
	meter: MeterId,
	period: Period,
	(side, limit_price): (Side, Price),
	energy: WattHours,
) -> NewOrder {
	NewOrder {
		meter,
		side,
		period,
		energy,
		limit_price,
		time_in_force: TimeInForce::GoodUntilGate,
	}
}

/// Side and price of the n-th order that rests where orders are matched on arrival: every second is a bid.
pub fn resting(n: u32) -> (Side, Price) {
	let from_middle = 1 + scatter(n) % SPREAD;
	if n.is_multiple_of(2) {
		(Side::Ask, Price(MIDDLE.0 + from_middle))
	} else {
		(Side::Bid, Price(MIDDLE.0 - from_middle))
	}
}

/// Side, price and energy of the n-th order of an auction: about half of them trade.
pub fn offered(n: u32) -> (Side, Price, WattHours) {
	let side = if n.is_multiple_of(2) {
		Side::Ask
	} else {
		Side::Bid
	};
	let number = scatter(n);
	let price = 80_000 + number % 220_000;
	let energy = 50 + (number >> 32) % 101;
	(side, Price(price), WattHours(energy))
}

impl Market {
	/// One whose orders are matched on arrival, of which `orders` rest, for as many as `members` could have one.
	pub fn continuous(members: u32, orders: u32) -> Self {
		Self {
			members,
			orders,
			mechanism: Mechanism::Continuous,
		}
	}

	/// A call auction of so many orders.
	pub fn auction(orders: u32) -> Self {
		Self {
			members: orders,
			orders,
			mechanism: Mechanism::CallAuction,
		}
	}

	/// How the state is called.
	pub fn name(&self) -> String {
		let how = match self.mechanism {
			Mechanism::Continuous => "market",
			Mechanism::CallAuction => "auction",
		};
		format!("{how}-{}-{}", self.members, self.orders)
	}

	/// The first of those without an order.
	pub fn first_active(&self) -> u32 {
		whole_pages(self.members)
	}

	/// How many meters there are.
	pub fn meters(&self) -> u32 {
		match self.mechanism {
			Mechanism::Continuous => self.first_active() + ACTIVE,
			Mechanism::CallAuction => self.first_active(),
		}
	}

	/// The period that is traded: its gate is far, but that of an auction closes next.
	pub fn period(&self) -> Period {
		CLOCK.period_at(START).saturating_add(match self.mechanism {
			Mechanism::Continuous => 8,
			Mechanism::CallAuction => 1,
		})
	}

	/// The state.
	pub fn storage(&self) -> Result<Storage> {
		let community = Community {
			meters: self.meters(),
			mechanism: self.mechanism,
			metered: 0,
		};
		community.storage(|| {
			pass_until(START)?;
			join(community.meters)?;
			for n in 0..self.orders {
				let (side, price, energy) = match self.mechanism {
					Mechanism::Continuous => {
						let (side, price) = resting(n);
						(side, price, EACH)
					}
					Mechanism::CallAuction => offered(n),
				};
				let meter = MeterId(n);
				place(order(meter, self.period(), (side, price), energy))?;
			}
			Ok(())
		})
	}
}

impl Delivered {
	/// One of at least so many meters.
	pub fn of_at_least(meters: u32) -> Self {
		Self {
			meters: whole_pages(meters),
		}
	}

	/// The period that is to be settled.
	pub fn period() -> Period {
		CLOCK.period_at(START).next()
	}

	/// When its energy freezes.
	pub fn due() -> u64 {
		CLOCK.freezes_at(Self::period())
	}

	/// How many meters have traded.
	pub fn traded(&self) -> u32 {
		2 * pairs(self.meters).count() as u32
	}

	/// The state, a minute before the period freezes. The period before is settled.
	pub fn storage(&self) -> Result<Storage> {
		let period = Self::period();
		let community = Community {
			meters: whole_pages(self.meters),
			mechanism: Mechanism::Continuous,
			metered: 2,
		};
		ensure!(
			community.meters == self.meters,
			"meters come in whole pages"
		);
		community.storage(|| {
			pass_until(START)?;
			join(self.meters)?;
			for (n, (seller, buyer)) in (0..).zip(pairs(self.meters)) {
				if n % TRADES_OF_A_BLOCK == 0 {
					begin_block(1 + n / TRADES_OF_A_BLOCK);
				}
				for (meter, side) in [(seller, Side::Ask), (buyer, Side::Bid)] {
					place(order(meter, period, (side, MIDDLE), EACH))?;
				}
			}
			begin_block(0);
			// The gate closes, delivery ends, both periods freeze.
			for time in [CLOCK.start_of(period), CLOCK.end_of(period)] {
				pass_until(time)?;
			}
			pass_until(Self::due() - 60)
		})
	}
}

/// Lets what follows happen in another block, as far as the order book counts in blocks.
fn begin_block(number: BlockNumber) {
	System::set_block_number(number);
	System::reset_events();
}

/// Who trades with whom: each one who feeds in ([`crate::community::flow`]) with one who takes.
fn pairs(meters: u32) -> impl Iterator<Item = (MeterId, MeterId)> {
	(0..meters.saturating_sub(3))
		.step_by(6)
		.map(|seller| (MeterId(seller), MeterId(seller + 3)))
}

/// The operator and the owners of so many meters pay in.
fn join(meters: u32) -> Result<()> {
	let grid = pallet_microgrids::Microgrids::<Runtime>::get(MICROGRID);
	let operator = grid.map(|grid| grid.operator);
	ensure!(
		operator == Some(genesis::account("Operator")),
		"the preset's operator is another one"
	);
	pay_in(genesis::account("Operator"), FRONTED)?;
	(0..meters).try_for_each(|meter| pay_in(account(MeterId(meter)), TRADING_BALANCE))
}

fn pay_in(who: AccountId, amount: Balance) -> Result<()> {
	dispatch(who, pallet_settlement::Call::<Runtime>::top_up { amount })
}

/// The owner of the meter places its order.
fn place(order: NewOrder) -> Result<()> {
	dispatch(
		account(order.meter),
		pallet_order_book::Call::<Runtime>::place_order { order },
	)
}

fn dispatch(who: AccountId, call: impl Into<RuntimeCall>) -> Result<()> {
	call.into()
		.dispatch_bypass_filter(RuntimeOrigin::signed(who))
		.map(|_| ())
		.map_err(|error| anyhow!("{:?}", error.error))
}

#[cfg(test)]
mod tests;
