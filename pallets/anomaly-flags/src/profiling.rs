//! What a period of a meter gives cause for. Pure.

use gridweave_primitives::{
	meter::{MeteredPeriod, Provenance},
	Period, PeriodClock,
};

use crate::{
	detectors::{days, series, series::Flow, suspects::Lesson, Finding},
	Kind, Parameters, Profile,
};

impl Profile {
	/// Of a meter that was never looked at.
	pub fn new(solar: bool) -> Self {
		Self {
			solar,
			..Self::default()
		}
	}

	/// Looks at the meter's energy in a period, later than the one before. `lesson` is what the period before
	/// left to be learned, if it is known. Of what it gives cause for the gravest.
	pub fn look(
		&mut self,
		clock: &PeriodClock,
		period: Period,
		metered: &MeteredPeriod,
		lesson: Option<&Lesson>,
		parameters: &Parameters,
	) -> Option<(Kind, Finding)> {
		let this = Flow::of(metered);
		if let Some(lesson) = lesson {
			self.share.learn(self.last.import, lesson);
		}
		let follows = self.period.next() == period;
		let days = if clock.day_of(self.period) == clock.day_of(period) {
			days::DayFindings::default()
		} else {
			self.days.end(clock.periods_per_day, &parameters.days())
		};
		let measured = metered.provenance == Provenance::Measured;
		let silent = series::silent(
			&mut self.silent,
			metered.provenance,
			parameters.silent_periods,
		);
		let (mut flat, mut night) = (None, None);
		let of_day = clock.period_of_day(period);
		if measured {
			if follows {
				flat = series::flat(
					&mut self.flat,
					self.last,
					this,
					parameters.flat_floor,
					parameters.flat_periods,
				);
			} else {
				self.flat = Default::default();
			}
			if self.solar {
				night = series::night_generation(
					&mut self.night,
					parameters.dark.covers(clock, of_day),
					this.export,
					parameters.night_floor,
					parameters.night_periods,
				);
			}
			self.days.add(
				days::block_of(of_day, clock.periods_per_day),
				this.import,
				this.export,
				follows.then_some(self.last.import),
				clock.periods_per_day,
			);
		} else {
			self.flat = Default::default();
		}
		if measured {
			self.share.see(this.import);
		}
		self.last = this;
		self.period = period;
		[
			(Kind::NightGeneration, night),
			(Kind::FlatProfile, flat),
			(Kind::ShapeChange, days.shape),
			(Kind::SuddenChange, days.sudden),
			(Kind::Silent, silent),
		]
		.into_iter()
		.find_map(|(kind, found)| Some((kind, found?)))
	}
}
