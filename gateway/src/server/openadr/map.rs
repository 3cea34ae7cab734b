//! From what the chain says to objects of OpenADR.
//!
//! | chain | OpenADR |
//! |---|---|
//! | programme 3 | programme `programme-3` |
//! | event 7 | event `event-7` |
//! | report of resource 5 in event 7 | report `report-7-5` of `resource-5` |
//! | microgrid 0 | target `SERVICE_AREA` `microgrid-0`; programme `tariff-0` with one event, `prices-0` |
//!
//! All follows from the state of one block, and names of the chain's own numbers: another gateway, or this one after a
//! start, tells the same.

use std::collections::HashMap;

use super::{
	facts::{Action, Community, DemandEvent, Direction, Facts, Programme, Stage},
	wire::{
		DateTime, Datum, Descriptor, Duration, Event, Interval, IntervalPeriod, ObjectType,
		Program, ValuesMap,
	},
};

/// Code of ISO 4217 for no currency: the chain's money has none.
pub const CURRENCY: &str = "XXX";
const KWH: &str = "KWH";
/// Prices are stored in millionths.
const PRICE: u32 = 1_000_000;
/// W of a kW, and Wh of a kWh.
pub const KILO: u32 = 1_000;

/// What the facts come to: programmes, and events in the order in which they are told.
pub fn objects(facts: &Facts) -> (Vec<Program>, Vec<Event>) {
	let clock = Clock(facts.period);
	let first = facts.communities.iter();
	let first: HashMap<u32, u32> = first
		.map(|(id, community)| (*id, community.first))
		.collect();
	let began = |microgrid: u32| clock.start_of(first.get(&microgrid).copied().unwrap_or(0));
	let programmes = facts
		.programmes
		.iter()
		.map(|(id, programme)| program(*id, programme, began(programme.microgrid)));
	let tariffs = facts.communities.iter();
	let tariffs = tariffs.map(|(id, community)| tariff(*id, clock.start_of(community.first)));
	let prices = facts
		.communities
		.iter()
		.filter_map(|(id, community)| prices(*id, community, clock, facts.now));
	// Most ask for the first page only: what is to come is told before what was.
	let (mut coming, mut gone) = (Vec::new(), Vec::new());
	let known = facts.programmes.iter();
	let known: HashMap<u32, &Programme> = known.map(|(id, programme)| (*id, programme)).collect();
	for (id, event) in &facts.events {
		let Some(programme) = known.get(&event.programme) else {
			continue;
		};
		if event.stage == Stage::Cancelled || event.end <= event.start {
			continue;
		}
		let is_over = clock.start_of(event.end).0 <= facts.now;
		let told = demand(*id, event, programme, clock);
		if is_over { &mut gone } else { &mut coming }.push((event.start, told));
	}
	coming.sort_by_key(|(start, _)| *start);
	gone.sort_by_key(|(start, _)| std::cmp::Reverse(*start));
	let events = coming.into_iter().map(|(_, event)| event).chain(prices);
	let events = events.chain(gone.into_iter().map(|(_, event)| event));
	(tariffs.chain(programmes).collect(), events.collect())
}

/// Divides time.
#[derive(Clone, Copy)]
pub struct Clock(pub u32);

impl Clock {
	/// When a period begins.
	pub fn start_of(self, period: u32) -> DateTime {
		DateTime(u64::from(period).saturating_mul(self.0.into()))
	}

	/// From one period until another, the latter not included.
	pub fn span(self, start: u32, end: u32) -> IntervalPeriod {
		let periods = u64::from(end.saturating_sub(start));
		IntervalPeriod {
			start: self.start_of(start),
			duration: Duration(periods.saturating_mul(self.0.into())),
		}
	}
}

/// Identity of a programme.
pub fn programme_id(programme: u32) -> String {
	format!("programme-{programme}")
}

/// Identity of an event.
pub fn event_id(event: u32) -> String {
	format!("event-{event}")
}

fn tariff_id(microgrid: u32) -> String {
	format!("tariff-{microgrid}")
}

fn area(microgrid: u32) -> Vec<ValuesMap> {
	vec![ValuesMap::one(
		"SERVICE_AREA",
		&*format!("microgrid-{microgrid}"),
	)]
}

fn price(price: u64) -> Datum {
	Datum::parts(i64::try_from(price).unwrap_or(i64::MAX), PRICE)
}

/// A descriptor of payloads of events.
fn descriptor(
	payload_type: &'static str,
	units: Option<&'static str>,
	currency: Option<&'static str>,
) -> Descriptor {
	Descriptor {
		object_type: Some(ObjectType::EventPayloadDescriptor),
		payload_type,
		units,
		currency,
	}
}

fn priced(payload_type: &'static str) -> Descriptor {
	descriptor(payload_type, Some(KWH), Some(CURRENCY))
}

fn program(id: u32, programme: &Programme, began: DateTime) -> Program {
	let Programme { microgrid, terms } = programme;
	let way = match terms.direction {
		Direction::Reduce => "take less",
		Direction::Increase => "take more",
	};
	Program {
		id: programme_id(id),
		created_date_time: began,
		modification_date_time: began,
		object_type: ObjectType::Program,
		program_name: programme_id(id),
		program_long_name: format!("Demand response of microgrid {microgrid}: {way} when asked to"),
		program_type: "DEMAND_RESPONSE",
		time_zone_offset: Duration(0),
		binding_events: false,
		payload_descriptors: descriptors(programme),
		targets: area(*microgrid),
	}
}

fn tariff(microgrid: u32, began: DateTime) -> Program {
	Program {
		id: tariff_id(microgrid),
		created_date_time: began,
		modification_date_time: began,
		object_type: ObjectType::Program,
		program_name: tariff_id(microgrid),
		program_long_name: format!("Expected prices of microgrid {microgrid}"),
		program_type: "PRICING_TARIFF",
		time_zone_offset: Duration(0),
		binding_events: false,
		payload_descriptors: price_descriptors(),
		targets: area(microgrid),
	}
}

fn price_descriptors() -> Vec<Descriptor> {
	["PRICE", "EXPORT_PRICE"].map(priced).into()
}

/// Expected prices as one event, from the current period on. None if nothing is expected.
fn prices(microgrid: u32, community: &Community, clock: Clock, now: u64) -> Option<Event> {
	let first = community.prices.first()?.period;
	// Intervals follow one another: what comes after a gap would be told of another period.
	let without_gap = (first..).zip(&community.prices);
	let without_gap = without_gap.take_while(|(period, expected)| *period == expected.period);
	let intervals = without_gap.zip(0..).map(|((_, expected), id)| Interval {
		id,
		payloads: vec![
			ValuesMap::one("PRICE", price(expected.prices.buy)),
			ValuesMap::one("EXPORT_PRICE", price(expected.prices.sell)),
		],
	});
	let id = format!("prices-{microgrid}");
	Some(Event {
		event_name: id.clone(),
		id,
		created_date_time: clock.start_of(community.first),
		modification_date_time: DateTime(now),
		object_type: ObjectType::Event,
		program_id: tariff_id(microgrid),
		payload_descriptors: price_descriptors(),
		targets: area(microgrid),
		interval_period: clock.span(first, first.saturating_add(1)),
		intervals: intervals.collect(),
	})
}

/// What a programme's events tell: what each payload means, and its value if it is the same in all of them.
fn payloads(programme: &Programme) -> Vec<(Descriptor, Option<Datum>)> {
	let terms = &programme.terms;
	let mut told = Vec::new();
	let direction = match terms.direction {
		Direction::Reduce => {
			// One of four levels, of which the lowest is as usual.
			told.push((descriptor("SIMPLE", None, None), Some(1.into())));
			"REDUCE"
		}
		Direction::Increase => "INCREASE",
	};
	let kilowatts = |watts: u32| Some(Datum::parts(watts.into(), KILO));
	let limit = |payload_type| descriptor(payload_type, Some("KW"), None);
	let charge = |percent: i64| {
		let what = descriptor("CHARGE_STATE_SETPOINT", Some("PERCENT"), None);
		(what, Some(percent.into()))
	};
	match terms.command {
		Some(Action::LimitImport(watts)) => {
			told.push((limit("IMPORT_CAPACITY_LIMIT"), kilowatts(watts)));
		}
		Some(Action::Curtail(watts)) => {
			told.push((limit("EXPORT_CAPACITY_LIMIT"), kilowatts(watts)));
		}
		Some(Action::Charge) => told.push(charge(100)),
		Some(Action::Discharge) => told.push(charge(0)),
		Some(Action::Release) | None => {}
	}
	told.push((
		descriptor("GRIDWEAVE_DIRECTION", None, None),
		Some(direction.into()),
	));
	told.push((descriptor("GRIDWEAVE_TARGET", Some(KWH), None), None));
	let prices = terms.prices;
	told.push((priced("GRIDWEAVE_REWARD"), Some(price(prices.reward))));
	if prices.penalty > 0 {
		told.push((priced("GRIDWEAVE_BONUS"), Some(price(prices.bonus))));
		told.push((priced("GRIDWEAVE_PENALTY"), Some(price(prices.penalty))));
	}
	told
}

fn descriptors(programme: &Programme) -> Vec<Descriptor> {
	payloads(programme)
		.into_iter()
		.map(|(what, _)| what)
		.collect()
}

fn demand(id: u32, event: &DemandEvent, programme: &Programme, clock: Clock) -> Event {
	let target = i64::try_from(event.target).unwrap_or(i64::MAX);
	let payloads = payloads(programme)
		.into_iter()
		.map(|(what, value)| ValuesMap {
			kind: what.payload_type,
			values: vec![value.unwrap_or_else(|| Datum::parts(target, KILO))],
		});
	let interval = Interval {
		id: 0,
		payloads: payloads.collect(),
	};
	let announced = clock.start_of(event.announced);
	let changed = match event.end < event.planned_end {
		true => clock.start_of(event.end),
		false => announced,
	};
	Event {
		id: event_id(id),
		created_date_time: announced,
		modification_date_time: changed,
		object_type: ObjectType::Event,
		program_id: programme_id(event.programme),
		event_name: event_id(id),
		payload_descriptors: descriptors(programme),
		targets: area(programme.microgrid),
		interval_period: clock.span(event.start, event.end),
		intervals: vec![interval],
	}
}
