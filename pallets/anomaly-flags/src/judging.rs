//! What a reading gives cause for. Pure.

use gridweave_primitives::{meter::Movement, traits::Observation, Period};

use crate::{
	detectors::{device, power, quality, register, Finding, Run},
	Kind, Parameters, Watch,
};

/// When readings are taken.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
	/// Chain time, Unix seconds.
	pub now: u64,
	/// The period that it lies in.
	pub current: Period,
	/// Length of a period, in seconds.
	pub period_length: u32,
}

/// How far a register moved, counted or not, in Wh.
fn advance(movement: &Movement) -> u128 {
	u128::from(movement.counted.0).saturating_add(movement.suspended.0.into())
}

impl Watch {
	/// Judges a reading, the newest of its meter in this call or not. Of what it gives cause for the gravest.
	pub fn judge(
		&mut self,
		observation: &Observation,
		newest: bool,
		moment: &Moment,
		parameters: &Parameters,
	) -> Option<(Kind, Finding)> {
		let reading = observation.reading;
		let (rolled_back, implausible) = registers(observation, parameters);
		let tampered = device::tampered(reading.status);
		// Those that keep something are all asked, whatever was found before.
		let drifted = if newest {
			self.drift.observe(
				reading.captured_at,
				moment.now,
				reading.status,
				moment.current,
				&parameters.clock(),
			)
		} else {
			None
		};
		let (stuck, mismatch) = self.follow_power(observation, moment, parameters);
		let (voltage, frequency) = self.follow_quality(observation, parameters);
		[
			(Kind::RegisterRollback, rolled_back),
			(Kind::ImplausiblePower, implausible),
			(Kind::TamperSwitch, tampered),
			(Kind::PowerMismatch, mismatch),
			(Kind::Stuck, stuck),
			(Kind::ClockDrift, drifted),
			(Kind::VoltageOutOfRange, voltage),
			(Kind::FrequencyOutOfRange, frequency),
		]
		.into_iter()
		.find_map(|(kind, found)| Some((kind, found?)))
	}

	fn follow_quality(
		&mut self,
		observation: &Observation,
		parameters: &Parameters,
	) -> (Option<Finding>, Option<Finding>) {
		let Some(values) = &observation.reading.quality else {
			return (None, None);
		};
		let limit = parameters.quality_repeats;
		let lasting = |run: &mut Run, found: Option<Finding>| {
			let full = run.count(found.is_some(), limit);
			found.filter(|_| full)
		};
		let voltage = quality::voltage(values, &parameters.voltage);
		let frequency = quality::frequency(values, &parameters.frequency);
		(
			lasting(&mut self.voltage, voltage),
			lasting(&mut self.frequency, frequency),
		)
	}

	/// A sample of power stands for the time since the reading before, unless that is long.
	fn follow_power(
		&mut self,
		observation: &Observation,
		moment: &Moment,
		parameters: &Parameters,
	) -> (Option<Finding>, Option<Finding>) {
		let (Some(values), Some(previous)) = (&observation.reading.quality, &observation.previous)
		else {
			return (None, None);
		};
		let seconds = observation
			.reading
			.captured_at
			.saturating_sub(previous.captured_at);
		let rolled_back = observation.import.rolled_back || observation.export.rolled_back;
		if rolled_back || seconds > u64::from(moment.period_length).saturating_mul(2) {
			return (None, None);
		}
		let (import, export) = (advance(&observation.import), advance(&observation.export));
		let net = |energy: u128| i64::try_from(energy).unwrap_or(i64::MAX);
		let shown = net(import).saturating_sub(net(export));
		let flowed = power::energy_of(power::active_power(values), seconds);
		let moved = import != 0 || export != 0;
		let stuck = power::stuck(
			&mut self.stuck,
			flowed,
			moved,
			parameters.stuck_floor,
			parameters.stuck_repeats,
		);
		let mismatch = self.balance.observe(flowed, shown, &parameters.mismatch());
		(stuck, mismatch)
	}
}

fn registers(
	observation: &Observation,
	parameters: &Parameters,
) -> (Option<Finding>, Option<Finding>) {
	let Some(previous) = &observation.previous else {
		return (None, None);
	};
	let reading = observation.reading;
	let seconds = reading.captured_at.saturating_sub(previous.captured_at);
	let (tolerance, step) = (parameters.power_tolerance, parameters.register_step);
	let rolled_back = register::rollback(
		&observation.import,
		previous.import_register,
		reading.import_register,
	)
	.or_else(|| {
		register::rollback(
			&observation.export,
			previous.export_register,
			reading.export_register,
		)
	});
	let ratings = observation.ratings;
	let within =
		|movement, rating| register::implausible_power(movement, rating, seconds, tolerance, step);
	let implausible = within(&observation.import, ratings.max_import)
		.or_else(|| within(&observation.export, ratings.max_export));
	(rolled_back, implausible)
}
