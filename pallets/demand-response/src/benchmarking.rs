//! Benchmarks of every call and every step, each in its worst case: records are full, histories complete, events run
//! over midnight.

use alloc::vec::Vec;

use frame_benchmarking::v2::*;
use frame_support::{traits::Get, weights::WeightMeter};
use frame_system::RawOrigin;
use gridweave_primitives::{
	ids::METERS_PER_PAGE, traits::SettlementClock, Balance, Be32, EventId, MeterId, MicrogridId,
	Period, Price, ProgrammeId, ResourceId, WattHours, Watts,
};
use sp_runtime::Permill;

use crate::{
	baseline::Method,
	measure::{Sums, Tally},
	measuring::Next,
	types::{
		Action, Answer, Baseline, Command, Condition, Day, DayPage, DemandEvent, Direction,
		Evaluation, Issue, Job, Member, Prices, Programme, ProgrammeTerms, Recording, Report,
		Resource, Response, Stage, Task, Timed, Trigger, Watch, KEPT_DAYS, MAX_AGENDA,
		MAX_ENROLMENTS, MAX_EVENT_PERIODS, MAX_INVITED, MAX_OPEN_EVENTS, MAX_REBOUND, UNMEASURED,
	},
	*,
};

/// What benchmarks need of other pallets. Provided by the runtime.
pub trait BenchmarkHelper<AccountId> {
	/// A microgrid run by `operator` with one page of active meters, one for each of the (at most 32) `owners` in
	/// turn, all of which were measured in the period that is returned. It is frozen, and its day has more before it
	/// than a history keeps.
	fn community(
		operator: AccountId,
		owners: Vec<AccountId>,
	) -> (MicrogridId, Period, Vec<MeterId>);

	/// A feeder of that microgrid that took energy in the last period but one.
	fn feeder(microgrid: MicrogridId) -> MeterId;

	/// Gives an account this much.
	fn fund(who: &AccountId, amount: Balance);

	/// Sets the chain's time.
	fn set_time(now: u64);
}

/// Enough for everything here, and far from any bound.
const MONEY: Balance = 1_000_000_000_000_000_000_000;
/// The programme of benchmarks.
const PROGRAMME: ProgrammeId = ProgrammeId(1_000);
/// The resource of the first meter.
const RESOURCE: ResourceId = ResourceId(1_000);
/// The event of benchmarks.
const EVENT: EventId = EventId(1_000);
/// The days that an event of benchmarks looks at: its own three, and days like them with as many gaps as may be.
const MOST_DAYS: u32 = 26;
/// What is pledged.
const PLEDGE: Balance = 100_000_000_000_000;

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who = account(name, index, 0);
	T::BenchmarkHelper::fund(&who, MONEY);
	who
}

fn terms() -> ProgrammeTerms {
	ProgrammeTerms {
		direction: Direction::Reduce,
		prices: Prices {
			reward: Price(200_000),
			bonus: Price(50_000),
			penalty: Price(100_000),
		},
		baseline: Baseline::LikeDays {
			method: Method::FiveOfTen,
			adjustment: Permill::from_percent(20),
		},
		least_days: 1,
		dead_band: Permill::from_percent(20),
		rebound: MAX_REBOUND,
		notice: 0,
		events_per_day: MAX_OPEN_EVENTS,
		command: Some(Action::LimitImport(Watts(1_000))),
	}
}

/// A programme with a page of meters in its community, of which the first is enrolled, alone, in full.
struct Village<T: Config> {
	operator: T::AccountId,
	owner: T::AccountId,
	microgrid: MicrogridId,
	meters: Vec<MeterId>,
	/// The period that the meters were measured in.
	measured: Period,
	/// A Friday some weeks later.
	friday: u64,
}

impl<T: Config> Village<T> {
	fn new() -> Self {
		let operator = funded::<T>("operator", 0);
		let owner = funded::<T>("owner", 0);
		let (microgrid, measured, meters) =
			T::BenchmarkHelper::community(operator.clone(), alloc::vec![owner.clone()]);
		let clock = T::Clock::clock();
		// None of the days that are kept are those of the first weeks, which are those of earlier events.
		let mut friday = clock
			.day_of(measured)
			.saturating_add(2 * u64::from(KEPT_DAYS));
		while friday % 7 != 1 {
			friday += 1;
		}
		let village = Self {
			operator,
			owner,
			microgrid,
			meters,
			measured,
			friday,
		};
		village.go_to(0);
		let mut programme = Programme {
			microgrid,
			operator: village.operator.clone(),
			terms: terms(),
			deposit: T::ProgrammeDeposit::get(),
			free: MONEY / 4,
			events: Default::default(),
			days: Default::default(),
			trigger: None,
			closing: false,
		};
		Pallet::<T>::hold(HoldReason::Budget, &village.operator, MONEY / 2).expect("is funded");
		Pallet::<T>::hold(HoldReason::Enrolment, &village.operator, MONEY / 8).expect("is funded");
		Pallet::<T>::hold(HoldReason::Enrolment, &village.owner, MONEY / 8).expect("is funded");
		Pallet::<T>::hold(HoldReason::Commitment, &village.owner, MONEY / 8).expect("is funded");
		for day in 0..7 {
			let day = u32::try_from(village.friday).unwrap_or(0) + day;
			programme.days.try_push((day, 1)).expect("fits");
		}
		Pallet::<T>::put_programme(PROGRAMME, &programme);
		NextProgramme::<T>::put(PROGRAMME.0 + 1);
		village
	}

	/// The period at a place of the Friday.
	fn at(&self, place: u32) -> Period {
		let clock = T::Clock::clock();
		let first = self.friday * u64::from(clock.periods_per_day) - u64::from(clock.day_offset);
		Period(u32::try_from(first).unwrap_or(u32::MAX)).saturating_add(place)
	}

	fn go_to(&self, place: u32) {
		T::BenchmarkHelper::set_time(T::Clock::clock().start_of(self.at(place)));
	}

	fn programme(&self) -> Programme<T::AccountId> {
		Pallet::<T>::programme(PROGRAMME).expect("is there")
	}

	/// Enrols the first meter, with records as full as they may be, in as many other programmes.
	fn enrol(&self, others: u32) {
		let meter = self.meters[0];
		let mut enrolments: Vec<_> = (0..others)
			.map(|other| (ProgrammeId(other), ResourceId(other)))
			.collect();
		enrolments.push((PROGRAMME, RESOURCE));
		let last = self.at(0);
		let watch = Watch {
			owner: self.owner.clone(),
			deposit: T::HistoryDeposit::get(),
			enrolments: enrolments.try_into().expect("fits"),
			event_days: (0..KEPT_DAYS).collect::<Vec<_>>().try_into().expect("fits"),
			acknowledged: (0..MAX_OPEN_EVENTS)
				.map(EventId)
				.collect::<Vec<_>>()
				.try_into()
				.expect("fits"),
			counted: (0..MAX_EVENT_PERIODS + MAX_REBOUND)
				.map(|back| (last.saturating_sub(back + 2), last.saturating_sub(back + 1)))
				.collect::<Vec<_>>()
				.try_into()
				.expect("fits"),
		};
		Pallet::<T>::put_watch(meter, &watch);
		let resource = Resource {
			programme: PROGRAMME,
			owner: self.owner.clone(),
			group: false,
			members: 1,
			invited: Default::default(),
			deposit: 0,
		};
		Pallet::<T>::put_resource(RESOURCE, &resource);
		let member = Member {
			owner: self.owner.clone(),
			since: Period(0),
			deposit: T::EnrolmentDeposit::get(),
		};
		let key = (
			Be32::from(PROGRAMME),
			Be32::from(RESOURCE),
			Be32::from(meter),
		);
		Members::<T>::insert(key, member);
		let _: Result<(), ()> = Pallet::<T>::mutate_community(self.microgrid, last, |community| {
			community.watched += 1;
			Ok(())
		});
		let clock = T::Clock::clock();
		let places = usize::try_from(clock.periods_per_day).expect("fits");
		let days = |net: i32| -> Vec<Day> {
			let of_each = self.meters.iter().map(|meter| Day {
				slot: meter.slot(),
				net: alloc::vec![net; places].try_into().expect("fits"),
			});
			of_each.collect()
		};
		let (measured, silent) = (days(1_000), days(UNMEASURED));
		for back in 0..u64::from(KEPT_DAYS) {
			let number = self.friday + 2 - back;
			// As many days as may be are passed over: two working days, and a weekend.
			let days = match self.friday.saturating_sub(number) {
				1 | 2 | 5 | 6 => &silent,
				_ => &measured,
			};
			let day = DayPage {
				number: u32::try_from(number).unwrap_or(u32::MAX),
				meters: days.clone().try_into().expect("fits"),
			};
			let place = u32::try_from(number % u64::from(KEPT_DAYS)).unwrap_or(0);
			DayPages::<T>::insert((Be32::from(meter.page()), Be32::from(place)), day);
		}
		for meter in &self.meters {
			history::watch::<T>(self.microgrid, *meter);
		}
		for meter in &self.meters {
			commands::put::<T>(*meter, self.command(None));
		}
	}

	fn command(&self, event: Option<EventId>) -> Command {
		Command {
			nonce: 7,
			action: Action::LimitImport(Watts(1_000)),
			from: 0,
			until: u64::MAX,
			event,
			acknowledged: None,
		}
	}

	/// An event that starts late on Friday and lasts a day: with its rebound it touches three, of both kinds of days.
	fn event(&self, id: EventId, start: Period) -> DemandEvent {
		let end = start.saturating_add(MAX_EVENT_PERIODS);
		DemandEvent {
			programme: PROGRAMME,
			microgrid: self.microgrid,
			announced: self.at(8),
			start,
			end,
			planned_end: end,
			due: end.saturating_add(MAX_REBOUND),
			target: WattHours(1_000_000),
			budget: MONEY / 32,
			claims: 0,
			paid: 0,
			delivered: WattHours::ZERO,
			stage: Stage::Announced,
		}
		.also(|event| {
			Pallet::<T>::put_event(id, event);
			let mut programme = self.programme();
			programme.events.try_push(id).expect("fits");
			Pallet::<T>::put_programme(PROGRAMME, &programme);
			let _: Result<(), ()> =
				Pallet::<T>::mutate_community(self.microgrid, event.start, |community| {
					let entry = (event.due, id);
					let place = community.agenda.partition_point(|other| *other < entry);
					let _ = community.agenda.try_insert(place, entry);
					Ok(())
				});
		})
	}

	/// Fills the agenda of the community, but for `left` places, with events of other programmes.
	fn fill_agenda(&self, left: u32) {
		let _: Result<(), ()> =
			Pallet::<T>::mutate_community(self.microgrid, self.at(0), |community| {
				let have = u32::try_from(community.agenda.len()).unwrap_or(0);
				for other in have + left..MAX_AGENDA {
					let entry = (Period(0), EventId(other));
					community.agenda.try_insert(0, entry).expect("fits");
				}
				Ok(())
			});
	}

	/// Most other events of the programme, all ahead and told of already.
	fn fill_events(&self, count: u32) {
		for other in 0..count {
			let start = self.at(300 + other * (MAX_EVENT_PERIODS + MAX_REBOUND));
			self.event(EventId(other), start);
		}
	}

	fn committed(&self) -> Answer<T::AccountId> {
		Answer::Committed {
			energy: WattHours(1_000_000_000),
			who: self.owner.clone(),
			held: PLEDGE,
		}
	}

	fn answer(&self, answer: Answer<T::AccountId>) {
		Responses::<T>::insert((Be32::from(EVENT), Be32::from(RESOURCE)), answer);
	}

	fn report(&self) {
		let report = Report {
			payee: self.owner.clone(),
			tally: Tally::default(),
			delivered: WattHours(1_000),
			committed: WattHours::ZERO,
			claim: 1_000,
			paid: 0,
			penalty: 0,
		};
		Reports::<T>::insert((Be32::from(EVENT), Be32::from(RESOURCE)), report);
	}

	fn group(&self, members: u32) {
		let resource = Resource {
			programme: PROGRAMME,
			owner: self.owner.clone(),
			group: true,
			members,
			invited: self
				.meters
				.iter()
				.take(MAX_INVITED as usize - 1)
				.copied()
				.collect::<Vec<_>>()
				.try_into()
				.expect("fits"),
			deposit: T::GroupDeposit::get(),
		};
		Pallet::<T>::put_resource(RESOURCE, &resource);
	}

	fn signed_operator(&self) -> RawOrigin<T::AccountId> {
		RawOrigin::Signed(self.operator.clone())
	}

	fn signed_owner(&self) -> RawOrigin<T::AccountId> {
		RawOrigin::Signed(self.owner.clone())
	}
}

/// Does something with a value, and returns it.
trait Also: Sized {
	fn also(self, with: impl FnOnce(&Self)) -> Self {
		with(&self);
		self
	}
}

impl Also for DemandEvent {}

/// A command of an event that is over, which the device obeyed. It comes after those of [`Village`].
fn obeyed() -> Command {
	Command {
		nonce: 8,
		action: Action::Charge,
		from: 0,
		until: 10,
		event: Some(EventId(0)),
		acknowledged: Some(5),
	}
}

/// Fills a page of commands that wait for an acknowledgement.
fn fill_commands<T: Config>(page: u32) {
	for slot in 0..METERS_PER_PAGE {
		let command = Command {
			nonce: 7,
			acknowledged: None,
			..obeyed()
		};
		commands::put::<T>(MeterId::at(page, slot as u8), command);
	}
}

fn acknowledged<T: Config>(meter: MeterId) -> bool {
	commands::latest::<T>(meter).is_some_and(|command| command.acknowledged == Some(5))
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn open_programme() {
		let village = Village::<T>::new();
		#[extrinsic_call]
		_(
			village.signed_operator(),
			village.microgrid,
			terms(),
			1_000_000_000_000,
		);
		assert!(Programmes::<T>::contains_key(Be32::from(PROGRAMME.0 + 1)));
	}

	#[benchmark]
	fn fund_programme() {
		let village = Village::<T>::new();
		#[extrinsic_call]
		_(village.signed_operator(), PROGRAMME, 1_000);
		assert_eq!(village.programme().free, MONEY / 4 + 1_000);
	}

	#[benchmark]
	fn withdraw_budget() {
		let village = Village::<T>::new();
		#[extrinsic_call]
		_(village.signed_operator(), PROGRAMME, 1_000);
		assert_eq!(village.programme().free, MONEY / 4 - 1_000);
	}

	#[benchmark]
	fn set_trigger() {
		let village = Village::<T>::new();
		let trigger = Trigger {
			condition: Condition::NetImport {
				feeder: T::BenchmarkHelper::feeder(village.microgrid),
				above: Watts(0),
			},
			periods: 1,
			target: WattHours(1_000),
		};
		#[extrinsic_call]
		_(village.signed_operator(), PROGRAMME, Some(trigger));
		assert_eq!(village.programme().trigger, Some(trigger));
	}

	#[benchmark]
	fn close_programme() {
		let village = Village::<T>::new();
		#[extrinsic_call]
		_(village.signed_operator(), PROGRAMME);
		assert!(village.programme().closing);
	}

	#[benchmark]
	fn enrol() {
		let village = Village::<T>::new();
		village.enrol(0);
		village.fill_events(MAX_OPEN_EVENTS);
		let meter = village.meters[1];
		#[extrinsic_call]
		_(village.signed_owner(), PROGRAMME, meter);
		assert!(Pallet::<T>::watch(meter).is_some());
	}

	#[benchmark]
	fn create_group() {
		let village = Village::<T>::new();
		#[extrinsic_call]
		_(village.signed_owner(), PROGRAMME);
		assert_eq!(Resources::<T>::iter().count(), 1);
	}

	#[benchmark]
	fn invite() {
		let village = Village::<T>::new();
		village.group(0);
		let meter = village.meters[20];
		#[extrinsic_call]
		_(village.signed_owner(), PROGRAMME, RESOURCE, meter);
		let group = Pallet::<T>::resource(PROGRAMME, RESOURCE).expect("is there");
		assert!(group.invited.contains(&meter));
	}

	#[benchmark]
	fn join_group() {
		let village = Village::<T>::new();
		village.enrol(0);
		village.group(1);
		village.fill_events(MAX_OPEN_EVENTS);
		let meter = village.meters[MAX_INVITED as usize - 2];
		#[extrinsic_call]
		_(village.signed_owner(), PROGRAMME, RESOURCE, meter);
		let group = Pallet::<T>::resource(PROGRAMME, RESOURCE).expect("is there");
		assert_eq!(group.members, 2);
	}

	#[benchmark]
	fn leave() {
		let village = Village::<T>::new();
		village.enrol(0);
		village.fill_events(MAX_OPEN_EVENTS);
		for event in 0..MAX_OPEN_EVENTS {
			let key = (Be32::from(event), Be32::from(RESOURCE));
			Responses::<T>::insert(key, Answer::OptedOut);
		}
		let meter = village.meters[0];
		#[extrinsic_call]
		_(village.signed_owner(), PROGRAMME, meter);
		assert!(Pallet::<T>::watch(meter).is_none());
	}

	#[benchmark]
	fn dissolve_group() {
		let village = Village::<T>::new();
		village.group(0);
		village.fill_events(MAX_OPEN_EVENTS);
		#[extrinsic_call]
		_(village.signed_owner(), PROGRAMME, RESOURCE);
		assert_eq!(Resources::<T>::iter().count(), 0);
	}

	#[benchmark]
	fn announce_event() {
		let village = Village::<T>::new();
		village.fill_events(MAX_OPEN_EVENTS - 1);
		village.fill_agenda(1);
		#[extrinsic_call]
		_(
			village.signed_operator(),
			PROGRAMME,
			village.at(1),
			MAX_EVENT_PERIODS,
			WattHours(1_000),
		);
		assert_eq!(village.programme().events.len(), MAX_OPEN_EVENTS as usize);
	}

	#[benchmark]
	fn cancel_event() {
		let village = Village::<T>::new();
		village.event(EVENT, village.at(90));
		village.fill_agenda(0);
		#[extrinsic_call]
		_(village.signed_operator(), EVENT);
		assert_eq!(
			Pallet::<T>::event(EVENT).expect("is there").stage,
			Stage::Cancelled
		);
	}

	#[benchmark]
	fn end_event() {
		let village = Village::<T>::new();
		village.event(EVENT, village.at(90));
		village.fill_agenda(0);
		village.go_to(91);
		#[extrinsic_call]
		_(village.signed_operator(), EVENT);
		assert_eq!(
			Pallet::<T>::event(EVENT).expect("is there").end,
			village.at(92)
		);
	}

	#[benchmark]
	fn respond() {
		let village = Village::<T>::new();
		village.enrol(0);
		village.event(EVENT, village.at(90));
		village.answer(village.committed());
		#[extrinsic_call]
		_(village.signed_owner(), EVENT, RESOURCE, Response::OptOut);
		assert_eq!(Issuing::<T>::get().len(), 1);
	}

	#[benchmark]
	fn send_command() {
		let village = Village::<T>::new();
		village.enrol(MAX_ENROLMENTS - 1);
		let (meter, now) = (village.meters[0], T::Clock::now());
		// The last one was obeyed, and the record is to say so.
		commands::put::<T>(meter, obeyed());
		NextNonce::<T>::put(obeyed().nonce);
		#[extrinsic_call]
		_(
			village.signed_operator(),
			PROGRAMME,
			meter,
			Action::Charge,
			now,
			now + 60,
		);
		assert_eq!(
			commands::latest::<T>(meter).expect("is there").action,
			Action::Charge
		);
	}

	#[benchmark]
	fn acknowledge_pages(g: Linear<0, 500>) {
		let pages: Vec<_> = (0..g).collect();
		for page in &pages {
			fill_commands::<T>(*page);
		}
		#[block]
		{
			for page in &pages {
				Pallet::<T>::acknowledge(*page, &[(0, 7, 5)]);
			}
		}
		for page in pages {
			assert!(acknowledged::<T>(MeterId::at(page, 0)));
		}
	}

	#[benchmark]
	fn acknowledge_readings(r: Linear<0, 32>) {
		fill_commands::<T>(0);
		let readings: Vec<_> = (0..r).map(|slot| (slot as u8, 7, 5)).collect();
		#[block]
		{
			Pallet::<T>::acknowledge(0, &readings);
		}
		for slot in 0..r {
			assert!(acknowledged::<T>(MeterId::at(0, slot as u8)));
		}
	}

	#[benchmark]
	fn poll() {
		let village = Village::<T>::new();
		village.enrol(0);
		IdleUntil::<T>::put(u64::MAX);
		let evaluation = Evaluation {
			period: T::Clock::current(),
			after: None,
			done: true,
		};
		Evaluated::<T>::put(evaluation);
		let mut meter = WeightMeter::new();
		#[block]
		{
			Pallet::<T>::poll(&mut meter);
		}
		assert!(Current::<T>::get().is_none());
	}

	#[benchmark]
	fn timetable() {
		let village = Village::<T>::new();
		village.event(EVENT, village.at(90));
		Timetable::<T>::insert(events::issue_key(EVENT, village.at(0)), Timed::Issue);
		// Enough for one entry.
		let step = T::WeightInfo::timetable();
		let mut meter = WeightMeter::with_limit(step);
		#[block]
		{
			Pallet::<T>::follow_timetable(village.at(0), &mut meter);
		}
		assert_eq!(Issuing::<T>::get().len(), 1);
	}

	#[benchmark]
	fn evaluate_trigger() {
		let village = Village::<T>::new();
		let feeder = T::BenchmarkHelper::feeder(village.microgrid);
		village.fill_events(MAX_OPEN_EVENTS - 1);
		for other in 0..MAX_OPEN_EVENTS - 1 {
			// Over, and not measured yet.
			let mut event = Pallet::<T>::event(EventId(other)).expect("is there");
			event.start = Period(0);
			event.due = Period(0);
			Pallet::<T>::put_event(EventId(other), &event);
		}
		village.fill_agenda(1);
		let mut programme = village.programme();
		programme.trigger = Some(Trigger {
			condition: Condition::NetImport {
				feeder,
				above: Watts(0),
			},
			periods: 1,
			target: WattHours(1_000),
		});
		Pallet::<T>::put_programme(PROGRAMME, &programme);
		Triggered::<T>::insert(Be32::from(PROGRAMME), ());
		let mut evaluation = Evaluation::default();
		#[block]
		{
			Pallet::<T>::trigger_step(&mut evaluation);
		}
		assert_eq!(village.programme().events.len(), MAX_OPEN_EVENTS as usize);
	}

	#[benchmark]
	fn issue_command() {
		let village = Village::<T>::new();
		village.enrol(0);
		village.event(EVENT, village.at(90));
		village.answer(village.committed());
		let mut issue = Issue {
			event: EVENT,
			programme: PROGRAMME,
			only: None,
			command: Command {
				nonce: obeyed().nonce + 1,
				..village.command(Some(EVENT))
			},
			after: None,
		};
		for meter in &village.meters {
			commands::put::<T>(*meter, obeyed());
		}
		#[block]
		{
			let _ = Pallet::<T>::issue_step(&mut issue);
		}
		let command = commands::latest::<T>(village.meters[0]).expect("is there");
		assert_eq!(command.event, Some(EVENT));
	}

	#[benchmark]
	fn record_look() {
		let village = Village::<T>::new();
		village.enrol(0);
		village.fill_agenda(0);
		IdleUntil::<T>::kill();
		let step = T::WeightInfo::record_look();
		let mut meter = WeightMeter::with_limit(step);
		#[block]
		{
			let _ = Pallet::<T>::next_to_record(&mut meter);
		}
		assert!(Turn::<T>::get().is_some());
	}

	#[benchmark]
	fn record_page() {
		let village = Village::<T>::new();
		village.enrol(0);
		let number = T::Clock::clock().day_of(village.measured);
		let place = u32::try_from(number % u64::from(KEPT_DAYS)).unwrap_or(0);
		let page = village.meters[0].page();
		// A day of which all else is there.
		DayPages::<T>::mutate((Be32::from(page), Be32::from(place)), |day| {
			if let Some(day) = day {
				day.number = u32::try_from(number).unwrap_or(u32::MAX);
			}
		});
		let mut record = Recording {
			microgrid: village.microgrid,
			period: village.measured,
			after: None,
		};
		#[block]
		{
			let _ = Pallet::<T>::record_step(&mut record);
		}
		assert_eq!(record.after, Some(page));
	}

	/// `d`: days of the meter's page that are not at hand.
	#[benchmark]
	fn measure_meter(d: Linear<0, MOST_DAYS>) {
		let village = Village::<T>::new();
		village.enrol(MAX_ENROLMENTS - 1);
		let places = T::Clock::clock().periods_per_day;
		let event = village.event(EVENT, village.at(places.saturating_sub(6)));
		let (meter, mut days) = (village.meters[0], history::Reader::new());
		let watch = Pallet::<T>::watch(meter).expect("is enrolled");
		let _ = Pallet::<T>::outcome(EVENT, &event, &terms(), meter, &watch, &mut days);
		assert_eq!(days.read(), MOST_DAYS);
		days.keep(MOST_DAYS - d);
		let job = Job::new(Task::Measure(EVENT));
		let next;
		#[block]
		{
			(next, _) = Pallet::<T>::measure_step(EVENT, job, &mut days);
		}
		assert_eq!(days.read(), d);
		let Next::Step(job) = next else {
			panic!("there is more to do");
		};
		let (_, sums) = job.open.expect("a resource is open");
		assert_eq!(sums.expect("takes part").tally.counted, 1);
	}

	#[benchmark]
	fn conclude() {
		let village = Village::<T>::new();
		village.enrol(0);
		let mut event = village.event(EVENT, village.at(90));
		village.answer(village.committed());
		let programme = village.programme();
		let tally = Tally {
			counted: 1,
			..Tally::default()
		};
		let sums = Sums {
			tally,
			..Sums::default()
		};
		#[block]
		{
			Pallet::<T>::conclude(EVENT, &mut event, &programme, RESOURCE, Some(sums));
		}
		let key = (Be32::from(EVENT), Be32::from(RESOURCE));
		assert_eq!(Reports::<T>::get(key).expect("is there").penalty, PLEDGE);
	}

	#[benchmark]
	fn pay_resource() {
		let village = Village::<T>::new();
		let mut event = village.event(EVENT, village.at(90));
		event.claims = MONEY;
		Pallet::<T>::put_event(EVENT, &event);
		village.report();
		let key = (Be32::from(EVENT), Be32::from(RESOURCE));
		#[block]
		{
			let _ = Pallet::<T>::pay_step(EVENT, Job::new(Task::Pay(EVENT)));
		}
		assert!(Reports::<T>::get(key).expect("is there").paid > 0);
	}

	#[benchmark]
	fn sweep_answer() {
		let village = Village::<T>::new();
		village.event(EVENT, village.at(90));
		village.answer(village.committed());
		#[block]
		{
			let _ = Pallet::<T>::sweep_step(EVENT, Job::new(Task::Sweep(EVENT)));
		}
		assert_eq!(Responses::<T>::iter().count(), 0);
	}

	#[benchmark]
	fn prune_report() {
		let village = Village::<T>::new();
		village.event(EVENT, village.at(90));
		village.report();
		#[block]
		{
			let _ = Pallet::<T>::prune_step(EVENT, Job::new(Task::Prune(EVENT)));
		}
		assert_eq!(Reports::<T>::iter().count(), 0);
	}

	#[benchmark]
	fn close_member() {
		let village = Village::<T>::new();
		village.enrol(0);
		#[block]
		{
			let _ = Pallet::<T>::close_step(PROGRAMME, Job::new(Task::Close(PROGRAMME)));
		}
		assert_eq!(Members::<T>::iter().count(), 0);
	}

	#[benchmark]
	fn close_group() {
		let village = Village::<T>::new();
		village.group(0);
		#[block]
		{
			let job = Job::new(Task::CloseGroups(PROGRAMME));
			let _ = Pallet::<T>::close_group_step(PROGRAMME, job);
		}
		assert_eq!(Resources::<T>::iter().count(), 0);
	}
}
