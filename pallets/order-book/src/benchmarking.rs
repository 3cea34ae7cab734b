//! Benchmarks of every call, and of every step of the service of books, per item.

use alloc::vec::Vec;

use frame_benchmarking::v2::*;
use frame_support::{
	traits::{
		fungible::Balanced,
		tokens::{Fortitude, Precision, Preservation},
		Get, OnUnbalanced,
	},
	weights::WeightMeter,
	BoundedVec,
};
use frame_system::RawOrigin;
use gridweave_primitives::{
	market::Side,
	microgrid::Mechanism,
	traits::{LinkInspect, MeterInspect, MicrogridInspect, SettlementClock},
	Be32, Be64, MeterId, MicrogridId, OrderId, Period, Price, WattHours,
};

use crate::{
	auction::{Discovery, Execution, LimitOrder, Next},
	service::Turn,
	standing::store,
	types::*,
	*,
};

mod coupled;

/// Sets up, for benchmarks, what other pallets keep.
pub trait BenchmarkHelper<AccountId> {
	/// A microgrid, and the first of its open periods whose gate is not closed. Its price range includes
	/// the feed-in price, and orders at that price lock something on both sides.
	fn market() -> (MicrogridId, Period);

	/// Another microgrid with a link into this one, number `n` from 0, that loses something, costs less than
	/// nine tenths of the feed-in price, and carries all that is sent. In the period of [`Self::market`] link
	/// and microgrid are open, on the same terms.
	fn linked(into: MicrogridId, n: u32) -> MicrogridId;

	/// Makes the markets of all microgrids call auctions, for the periods that are open, and it the time `now`, in
	/// Unix seconds. Solutions that couple them are taken.
	fn auctions_at(now: u64);

	/// A new meter of account number `n`, alone on its page, admitted to the microgrid: a prosumer, or a half charged
	/// storage.
	/// Its ratings and capacity are large. The account has ample funds, but none yet where orders lock
	/// them: they have to be paid in there.
	fn meter(microgrid: MicrogridId, n: u32, storage: bool) -> (AccountId, MeterId);

	/// Likewise a prosumer, which has measured an import of at least 1 kWh, and no export, in each of as many
	/// periods as an expectation looks at.
	fn metered(microgrid: MicrogridId, n: u32) -> (AccountId, MeterId);
}

/// How many periods, from that of [`BenchmarkHelper::market`] on, orders are spread over.
const SPREAD: u32 = 90;

/// The first order that is placed; those that only fill a meter's list come before.
const FIRST_ORDER: OrderId = OrderId(1 << 32);

/// What orders of benchmarks have in common.
struct Market<T: Config> {
	id: BookId,
	price: Price,
	least: WattHours,
	_config: core::marker::PhantomData<T>,
}

/// Room to read one order of an auction, and to cancel it if need be; not to read another.
fn discovery_of_one<T: Config>(book: &Book) -> WeightMeter {
	let cancel = Pallet::<T>::weight_of_expiry(book);
	WeightMeter::with_limit(T::WeightInfo::discover_order().saturating_add(cancel))
}

impl<T: Config> Market<T> {
	fn new() -> Self {
		let (microgrid, period) = T::BenchmarkHelper::market();
		let terms = T::Microgrids::terms(microgrid, period).expect("the helper opened the period");
		NextOrderId::<T>::put(FIRST_ORDER);
		Self {
			id: BookId { microgrid, period },
			price: terms.feed_in_price,
			least: terms.rules.min_quantity,
			_config: core::marker::PhantomData,
		}
	}

	fn meter(&self, n: u32) -> (T::AccountId, MeterId) {
		T::BenchmarkHelper::meter(self.id.microgrid, n, false)
	}

	fn order(&self, meter: MeterId, side: Side, times: u32) -> NewOrder {
		NewOrder {
			meter,
			side,
			period: self.id.period,
			energy: WattHours(self.least.0.saturating_mul(times.into())),
			limit_price: self.price,
			time_in_force: TimeInForce::GoodUntilGate,
		}
	}

	/// Places an order and returns its id.
	fn place(&self, who: &T::AccountId, order: NewOrder) -> OrderId {
		let id = NextOrderId::<T>::get();
		let placed = Pallet::<T>::place_order(RawOrigin::Signed(who.clone()).into(), order);
		assert!(placed.is_ok(), "{placed:?}");
		id
	}

	/// Makes the market's book one of a call auction, which must not have orders yet.
	fn auction(&self) {
		let terms = T::Microgrids::terms(self.id.microgrid, self.id.period);
		let mut terms = terms.expect("the helper opened the period");
		terms.rules.mechanism = Mechanism::CallAuction;
		book::save::<T>(self.id, &Book::new(&terms));
	}

	/// Like [`Self::meter`], with imports measured lately.
	fn metered(&self, n: u32) -> (T::AccountId, MeterId) {
		T::BenchmarkHelper::metered(self.id.microgrid, n)
	}

	/// A standing bid for what the meter imports, at most `times` the least quantity.
	fn instruction(&self, times: u32) -> Instruction {
		Instruction {
			limit_price: self.price,
			quantity: Quantity::Above {
				keep: WattHours::ZERO,
				most: Some(WattHours(self.least.0.saturating_mul(times.into()))),
			},
		}
	}

	/// Gives a meter a standing bid; its key.
	fn stand(&self, who: &T::AccountId, meter: MeterId, instruction: Instruction) -> StandingKey {
		let key = (meter, Side::Bid);
		let set = Pallet::<T>::do_set_standing(who.clone(), key.0, key.1, instruction);
		assert_eq!(set, Ok(false));
		key
	}

	/// Executes a standing order for the market's period; whether it stays.
	fn execute(&self, key: StandingKey) -> bool {
		let terms = T::Microgrids::terms(self.id.microgrid, self.id.period);
		let terms = terms.expect("the helper opened the period");
		let mut round = Round::new(self.id.period);
		round.enter(key);
		let next = store::next::<T>(self.id.microgrid, &round);
		let (key, order) = next.expect("it was given");
		let most = Pallet::<T>::weight_of_execution(0);
		let executed = Pallet::<T>::execute_standing(self.id, &terms, key, order, most);
		if let Some(fee) = executed.fee {
			T::Fees::on_unbalanced(fee);
		}
		executed.stays
	}

	/// Fills a meter's list of open orders, but for `room` of them.
	fn crowd(&self, meter: MeterId, room: u32) {
		OrdersOf::<T>::mutate(Be32::from(meter), |orders| {
			let others = T::MaxOrdersPerMeter::get().saturating_sub(room);
			let others = others.saturating_sub(orders.len() as u32);
			for n in 0..others {
				let inserted = orders.try_insert(n as usize, OrderId(n.into()));
				assert!(inserted.is_ok());
			}
		});
	}

	/// The best ask of the market's book, of a meter with as many open orders as it may have; another is
	/// behind it.
	fn crowded(&self) -> (T::AccountId, OrderId) {
		let (who, meter) = self.meter(0);
		let first = self.place(&who, self.order(meter, Side::Ask, 2));
		self.crowd(meter, 0);
		let (other, its) = self.meter(1);
		self.place(&other, self.order(its, Side::Ask, 1));
		(who, first)
	}
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn place_order(f: Linear<0, { T::MaxFills::get() }>) {
		let market = Market::<T>::new();
		// There is a book already, as it must be for fills: what a new one takes is charged besides.
		let (far, its) = market.meter(f + 1);
		let mut behind = market.order(its, Side::Ask, 1);
		behind.limit_price.0 += 1;
		market.place(&far, behind);
		// The worst case: all counterparties differ, all their orders go, and the rest stays. All meters have
		// as many orders as they may, and what the order locks has to be paid in.
		for n in 0..f {
			let (maker, meter) = market.meter(n + 1);
			market.place(&maker, market.order(meter, Side::Ask, 1));
			market.crowd(meter, 0);
		}
		let (who, meter) = market.meter(0);
		market.crowd(meter, 1);
		let order = market.order(meter, Side::Bid, f + 1);
		let id = NextOrderId::<T>::get();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), order);
		assert_eq!(
			Pallet::<T>::order(id).map(|order| order.remaining),
			Some(market.least)
		);
	}

	#[benchmark]
	fn place_orders(n: Linear<1, { T::MaxBatch::get() }>) -> Result<(), BenchmarkError> {
		let market = Market::<T>::new();
		// Each of a meter and in a book of its own. Bids: their owner's arrears are looked at as well.
		let (mut sender, mut orders) = (None, Vec::new());
		for i in 0..n {
			let (who, meter) = market.meter(0);
			market.crowd(meter, 1);
			sender = Some(who);
			orders.push(NewOrder {
				period: market.id.period.saturating_add(i % SPREAD),
				..market.order(meter, Side::Bid, 1)
			});
		}
		let who = sender.ok_or(BenchmarkError::Stop("no order"))?;
		let orders = BoundedVec::truncate_from(orders);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), orders);
		let last = OrderId(FIRST_ORDER.0.saturating_add(u64::from(n) - 1));
		assert!(Pallet::<T>::order(last).is_some());
		Ok(())
	}

	#[benchmark]
	fn cancel_order() {
		let (who, id) = Market::<T>::new().crowded();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id);
		assert_eq!(Pallet::<T>::order(id), None);
	}

	#[benchmark]
	fn reduce_order() {
		let market = Market::<T>::new();
		let (who, id) = market.crowded();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, market.least);
		assert_eq!(
			Pallet::<T>::order(id).map(|order| order.remaining),
			Some(market.least)
		);
	}

	#[benchmark]
	fn replace_order() {
		let market = Market::<T>::new();
		let (who, id) = market.crowded();
		let new = NextOrderId::<T>::get();
		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, market.least, market.price);
		assert!(Pallet::<T>::order(id).is_none() && Pallet::<T>::order(new).is_some());
	}

	#[benchmark]
	fn look_at_links(n: Linear<0, { T::MaxLinks::get() }>) {
		let market = Market::<T>::new();
		let (far, its) = market.meter(0);
		let mut behind = market.order(its, Side::Ask, 1);
		behind.limit_price.0 += 1;
		market.place(&far, behind);
		// In each book there is one ask, at the price that is bid: losses make it too dear.
		for link in 0..n {
			let from = T::BenchmarkHelper::linked(market.id.microgrid, link);
			let (maker, meter) = T::BenchmarkHelper::meter(from, link + 1, false);
			market.place(&maker, market.order(meter, Side::Ask, 100));
		}
		let (who, meter) = market.meter(n + 1);
		market.crowd(meter, 1);
		let order = market.order(meter, Side::Bid, 1);
		let id = NextOrderId::<T>::get();
		#[block]
		{
			market.place(&who, order);
		}
		assert!(Pallet::<T>::order(id).is_some());
	}

	#[benchmark]
	fn fill_over_link(f: Linear<0, { T::MaxFills::get() }>) {
		let market = Market::<T>::new();
		let from = T::BenchmarkHelper::linked(market.id.microgrid, 0);
		// As in `place_order`, but that all the counterparties are over a link, at a price that is good enough.
		let cheap = |meter| {
			let mut order = market.order(meter, Side::Ask, 2);
			order.limit_price.0 /= 10;
			order
		};
		let (far, its) = T::BenchmarkHelper::meter(from, f + 1, false);
		let mut behind = cheap(its);
		behind.limit_price = market.price;
		market.place(&far, behind);
		for n in 0..f {
			let (maker, meter) = T::BenchmarkHelper::meter(from, n + 1, false);
			market.place(&maker, cheap(meter));
			market.crowd(meter, 0);
		}
		let (who, meter) = market.meter(0);
		market.crowd(meter, 1);
		let order = market.order(meter, Side::Bid, 2 * f + 1);
		let id = NextOrderId::<T>::get();
		#[block]
		{
			market.place(&who, order);
		}
		assert!(Pallet::<T>::order(id).is_some());
		let flows = Pallet::<T>::flows_into(market.id.microgrid, market.id.period);
		assert_eq!(flows.is_empty(), f == 0);
	}

	#[benchmark]
	fn check_storage() -> Result<(), BenchmarkError> {
		let market = Market::<T>::new();
		let (_, meter) = T::BenchmarkHelper::meter(market.id.microgrid, 0, true);
		let order = market.order(meter, Side::Ask, 1);
		let one = WattHours(1);
		let commitment = Commitment {
			asks: one,
			bids: one,
			sold: one,
			bought: one,
		};
		let mut dealings = Dealings::default();
		for ahead in 0..=T::Horizon::get() {
			let period = T::Clock::current().saturating_add(ahead);
			let changed = dealings.change(period, || period, |of| *of = commitment);
			assert!(changed);
		}
		MeterDealings::<T>::insert(Be32::from(meter), dealings);
		let info = T::Meters::meter(meter).ok_or(BenchmarkError::Stop("no meter"))?;
		let mut checks = 0;
		let result;
		#[block]
		{
			result = commitments::check::<T>(&info, &order, || checks += 1);
		}
		assert!(result.is_ok() && checks == 1);
		Ok(())
	}

	#[benchmark]
	fn step_over(r: Linear<0, { T::MaxRemovals::get() }>) {
		let market = Market::<T>::new();
		let (who, meter) = market.meter(0);
		let side = Side::Ask;
		let place = |n: u32| Place {
			price: market.price,
			order: OrderId(n.into()),
		};
		let id = market.id;
		let key = |n: u32| {
			let order = Be64::from(place(n).order);
			(
				Be32::from(id.microgrid),
				Be32::from(id.period),
				Be64::from(market.price.0),
				order,
			)
		};
		let terms = T::Microgrids::terms(id.microgrid, id.period).expect("opened by the helper");
		let mut book = Book::new(&terms);
		let resting = Resting {
			owner: who,
			meter,
			remaining: market.least,
		};
		for n in 0..r + 2 {
			book::rest::<T>(id, &mut book, side, place(n), &resting);
			if n > r {
				break;
			}
			// Their deletion is charged to whom it is due; here it is only the way over them.
			let key = Asks::<T>::hashed_key_for(key(n));
			frame_benchmarking::benchmarking::add_to_whitelist(key.into());
		}
		#[block]
		{
			for n in 1..=r {
				Asks::<T>::remove(key(n));
			}
			book::remove::<T>(id, &mut book, side, place(0));
		}
		assert_eq!(book.best_ask, Some(place(r + 1)));
	}

	#[benchmark]
	fn service_base() {
		let market = Market::<T>::new();
		let (who, meter) = market.meter(0);
		let order = market.place(&who, market.order(meter, Side::Ask, 1));
		#[block]
		{
			Pallet::<T>::serve(&mut WeightMeter::new());
		}
		assert!(Pallet::<T>::order(order).is_some());
	}

	#[benchmark]
	fn advance_book() {
		let market = Market::<T>::new();
		let id = market.id;
		let terms = T::Microgrids::terms(id.microgrid, id.period).expect("opened by the helper");
		book::save::<T>(id, &Book::new(&terms));
		let key = (
			Be64::from(0),
			Be32::from(0),
			Be32::from(id.microgrid),
			Be32::from(id.period),
		);
		Agenda::<T>::insert(key, Stage::Expire);
		#[block]
		{
			Pallet::<T>::serve(&mut WeightMeter::new());
		}
		assert_eq!(
			Agenda::<T>::iter().map(|(_, stage)| stage).next(),
			Some(Stage::Prune)
		);
	}

	#[benchmark]
	fn discover_order() {
		let market = Market::<T>::new();
		market.auction();
		let (who, meter) = market.meter(0);
		let first = market.place(&who, market.order(meter, Side::Bid, 1));
		market.place(&who, market.order(meter, Side::Bid, 1));
		// Behind an order that was read: the next one has to be sought.
		let bids = Cursor {
			after: Some(Place {
				price: market.price,
				order: first,
			}),
			kept: 1,
		};
		let book = book::load::<T>(market.id).expect("saved");
		let mut room = discovery_of_one::<T>(&book);
		let turn;
		#[block]
		{
			turn = Pallet::<T>::discover(
				market.id,
				Discovery::default(),
				bids,
				Cursor::default(),
				&mut room,
			);
		}
		assert!(matches!(turn, Turn::Part(Stage::Discover { bids, .. }) if bids.kept == 2));
	}

	#[benchmark]
	fn auction_trade() {
		let market = Market::<T>::new();
		market.auction();
		// The worst case: both orders go, others are behind them, all meters differ and have as many orders
		// as they may, and none has a position yet.
		let orders: Vec<OrderId> = [
			(Side::Bid, 0),
			(Side::Ask, 1),
			(Side::Bid, 2),
			(Side::Ask, 3),
		]
		.into_iter()
		.map(|(side, n)| {
			let (who, meter) = market.meter(n);
			let id = market.place(&who, market.order(meter, side, 1));
			market.crowd(meter, 0);
			id
		})
		.collect();
		let mut discovery = Discovery::default();
		let energy = market.least;
		for _ in 0..2 {
			let order = LimitOrder {
				limit: market.price,
				energy,
			};
			assert!(discovery.feed(Some(order)).is_ok());
		}
		for _ in 0..2 {
			assert!(discovery.feed(None).is_ok());
		}
		let Next::Done(Some(clearing)) = discovery.next() else {
			panic!("both orders fill");
		};
		let mut meter = WeightMeter::with_limit(T::WeightInfo::auction_trade());
		#[block]
		{
			let _ = Pallet::<T>::clear(market.id, Execution::new(&clearing), &mut meter);
		}
		let left: Vec<bool> = orders
			.into_iter()
			.map(|order| Pallet::<T>::order(order).is_some())
			.collect();
		assert_eq!(left, [false, false, true, true]);
	}

	#[benchmark]
	fn expire_order() {
		let market = Market::<T>::new();
		let (_, first) = market.crowded();
		let mut meter = WeightMeter::with_limit(T::WeightInfo::expire_order());
		#[block]
		{
			let _ = Pallet::<T>::expire_orders(market.id, &mut meter);
		}
		assert_eq!(Pallet::<T>::order(first), None);
	}

	#[benchmark]
	fn set_standing_order() {
		let market = Market::<T>::new();
		let (who, meter) = market.meter(0);
		#[extrinsic_call]
		_(
			RawOrigin::Signed(who),
			meter,
			Side::Bid,
			market.instruction(1),
		);
		let key = (meter, Side::Bid);
		assert!(store::get::<T>(market.id.microgrid, key).is_some());
	}

	#[benchmark]
	fn cancel_standing_order() {
		let market = Market::<T>::new();
		let (who, meter) = market.meter(0);
		let key = market.stand(&who, meter, market.instruction(1));
		#[extrinsic_call]
		_(RawOrigin::Signed(who), meter, Side::Bid);
		assert!(store::get::<T>(market.id.microgrid, key).is_none());
	}

	#[benchmark]
	fn standing_base() {
		let market = Market::<T>::new();
		let (who, meter) = market.meter(0);
		market.stand(&who, meter, market.instruction(1));
		let orders = NextOrderId::<T>::get();
		#[block]
		{
			Pallet::<T>::serve_standing(&mut WeightMeter::new());
		}
		assert_eq!(NextOrderId::<T>::get(), orders);
	}

	#[benchmark]
	fn advance_round() {
		let market = Market::<T>::new();
		// All have had their turn.
		let grid = Be32::from(market.id.microgrid);
		let round = Round {
			orders: 1,
			passed: 1,
			..Round::new(market.id.period)
		};
		StandingRounds::<T>::insert(grid, round);
		StandingAgenda::<T>::insert((Be64::from(0), Be32::from(0), grid), ());
		#[block]
		{
			Pallet::<T>::serve_standing(&mut WeightMeter::new());
		}
		let round = StandingRounds::<T>::get(grid);
		assert_eq!(
			round.map(|round| round.period),
			Some(market.id.period.next())
		);
	}

	#[benchmark]
	fn standing_nothing() {
		let market = Market::<T>::new();
		let (who, meter) = market.metered(0);
		let nothing = Instruction {
			quantity: Quantity::Above {
				keep: WattHours(u64::MAX),
				most: None,
			},
			..market.instruction(1)
		};
		let key = market.stand(&who, meter, nothing);
		let orders = NextOrderId::<T>::get();
		let stays;
		#[block]
		{
			stays = market.execute(key);
		}
		assert!(stays && NextOrderId::<T>::get() == orders);
	}

	#[benchmark]
	fn standing_order(f: Linear<0, { T::MaxStandingFills::get() }>) {
		let market = Market::<T>::new();
		// As orders are placed (`place_order`); besides, it was refused when it was last tried.
		let (far, its) = market.meter(f + 1);
		let mut behind = market.order(its, Side::Ask, 1);
		behind.limit_price.0 += 1;
		market.place(&far, behind);
		for n in 0..f {
			let (maker, meter) = market.meter(n + 1);
			market.place(&maker, market.order(meter, Side::Ask, 1));
			market.crowd(meter, 0);
		}
		let (who, meter) = market.metered(0);
		market.crowd(meter, 1);
		let key = market.stand(&who, meter, market.instruction(f + 1));
		let mut stored = store::get::<T>(market.id.microgrid, key).expect("just given");
		stored.refused = Some(Error::<T>::Quarantined.into());
		store::put::<T>(market.id.microgrid, key, &stored);
		let id = NextOrderId::<T>::get();
		let stays;
		#[block]
		{
			stays = market.execute(key);
		}
		assert!(stays);
		assert_eq!(
			Pallet::<T>::order(id).map(|order| order.remaining),
			Some(market.least)
		);
	}

	#[benchmark]
	fn end_standing_order() {
		let market = Market::<T>::new();
		let (who, meter) = market.metered(0);
		let key = market.stand(&who, meter, market.instruction(1));
		// Nothing is left to pay with.
		drop(T::Currency::withdraw(
			&who,
			u128::MAX,
			Precision::BestEffort,
			Preservation::Preserve,
			Fortitude::Polite,
		));
		let stays;
		#[block]
		{
			stays = market.execute(key);
		}
		assert!(!stays && store::get::<T>(market.id.microgrid, key).is_none());
	}

	#[benchmark]
	fn submit_coupling(f: Linear<1, { T::MaxLinks::get() }>) {
		let (market, solution) = Market::<T>::coupled(f);
		market.submit(&solution, MAX_CANDIDATES);
		let (who, _) = market.meter(99);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), market.id.period, solution, 2);
		assert_eq!(market.candidate().claim, 2);
	}

	#[benchmark]
	fn advance_coupling() {
		let (market, solution) = Market::<T>::coupled(T::MaxLinks::get());
		market.submit(&solution, MAX_CANDIDATES);
		T::BenchmarkHelper::auctions_at(market.gate().saturating_add(submission::window::<T>()));
		// Room for its turn, and not for a book of it.
		let room = T::WeightInfo::advance_coupling().saturating_mul(2);
		let look = T::DbWeight::get().reads(1);
		let mut meter = WeightMeter::with_limit(room.saturating_add(look));
		#[block]
		{
			Pallet::<T>::serve_couplings(&mut meter);
		}
		assert_eq!(Couplings::<T>::count(), 1);
	}

	#[benchmark]
	fn exchange_order() {
		let (market, solution) = Market::<T>::coupled(1);
		market.submit(&solution, 1);
		let candidate = market.candidate();
		let here = |net: &coupling::Net| net.microgrid == market.id.microgrid;
		let place = candidate
			.nets
			.iter()
			.position(here)
			.expect("it has a price");
		let mut book = book::load::<T>(market.id).expect("it has a bid");
		let mut exchanging = market.exchanging(place);
		let result;
		#[block]
		{
			let net = &candidate.nets[place];
			result = Pallet::<T>::exchange_best(market.id, &mut book, net, &mut exchanging);
		}
		assert!(result.is_ok() && exchanging.pot > 0);
	}

	#[benchmark]
	fn close_coupling() {
		let (market, solution) = Market::<T>::coupled(1);
		market.submit(&solution, 1);
		let candidate = market.candidate();
		let here = |net: &coupling::Net| net.microgrid == market.id.microgrid;
		let place = candidate
			.nets
			.iter()
			.position(here)
			.expect("it has a price");
		let mut book = book::load::<T>(market.id).expect("it has a bid");
		// The buyer has paid.
		let mut exchanging = market.exchanging(place);
		let net = &candidate.nets[place];
		let bought = Pallet::<T>::exchange_best(market.id, &mut book, net, &mut exchanging);
		assert!(bought.is_ok());
		#[block]
		{
			Pallet::<T>::close_item(market.id.period, &candidate, &mut exchanging);
		}
		assert_eq!(Outcomes::<T>::iter().count(), 1);
		let flows = Pallet::<T>::flows_into(market.id.microgrid, market.id.period);
		assert_eq!(flows.len(), 1);
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::chain(), crate::mock::Test);
}
