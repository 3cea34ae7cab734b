//! Energy that is used and not metered.
//!
//! What flows through a microgrid's feeder is what its members take net, and the losses of its lines and
//! transformer. These are modelled as a constant part (the transformer at no load, and whatever meters err by
//! constantly) and one that grows with the square of the feeder's flow (the copper), fitted to the microgrid's
//! own first weeks by least squares. What is left over, as a share of the gross throughput, is the *residual*.
//! How far it usually strays is learned next; from then on a cumulative sum of the residual beyond that band
//! (CUSUM; Page 1954) gives the alarm: so a small theft that lasts is found, which no single period shows.
//! Periods in which members feed in more than they take have a band of their own: then energy flows between them and
//! past the feeder, whose losses no flow of the feeder tells, and the few who feed in err by more than the many who
//! take. One band for both would be that of the night, and every sunny day an alarm.
//!
//! Meters err, and seasons change what flows where. So what the fitted losses leave is explained further by the
//! [shares](super::suspects) of the members, and by a [drift](super::drift) of the losses that is learned along with these: constant,
//! with the flow, with its square, and with what members feed in. A member
//! whose share stays beyond what meters may err by gives the alarm too: so a theft is found that is too small for the
//! sum.
//!
//! Theft that was there while the model was fitted is in part taken for losses: the operator fits them anew after an
//! inspection.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use super::{
	clamp, clamp_u32,
	drift::{Drift, Relative},
	suspects::Explained,
	Finding,
};

/// Flow is taken in units of so many Wh, up to [`FLOW_BOUND`]: its fourth power, summed, must fit.
pub(super) const FLOW_UNIT: u64 = 100;
/// Most flow of a period, in [`FLOW_UNIT`]: 104 MWh.
const FLOW_BOUND: u64 = 1 << 20;
/// Most residual of a period, in Wh, either way.
pub(super) const RESIDUAL_BOUND: i128 = 1 << 36;
/// Most periods that a model is fitted to.
pub const MOST_PERIODS: u16 = 4_096;
/// Binary digits after the point of the quadratic coefficient.
pub(super) const FRACTION: u32 = 20;
/// The quadratic coefficient at which 100 Wh are lost of 100 Wh.
const QUADRATIC_BOUND: i128 = 100 << FRACTION;
/// Parts of a whole.
const PPM: i128 = 1_000_000;
/// Sums are in this part of a band.
const BAND: i128 = 1_000;
/// So many bands of a period are learned.
const LESSON: i128 = 4;

/// Periods that the band looks back over, about.
const MEMORY: i128 = 256;

/// A period of a microgrid, in Wh.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Throughput {
	/// Import of all members.
	pub import: u64,
	/// Export of all members.
	pub export: u64,
	/// How much of the import is of members that no reading covers.
	pub estimated: u64,
}

impl Throughput {
	/// Import and export.
	pub fn gross(&self) -> u64 {
		self.import.saturating_add(self.export)
	}

	/// Whether so little is estimated that the sum says something: a hundredth.
	pub fn is_known(&self) -> bool {
		u128::from(self.estimated).saturating_mul(100) <= u128::from(self.import)
	}
}

/// Sums of the fit: `n`, Σq, Σq², Σr, Σrq, of the squared flow q and the residual r.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Fit {
	n: u16,
	q: i128,
	qq: i128,
	r: i128,
	rq: i128,
}

/// Losses: `constant + quadratic · flow²`.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct LossModel {
	/// In Wh a period; also what meters err by constantly, so that it may be negative.
	pub constant: i64,
	/// In Wh per square of 100 Wh, times 2²⁰; not negative.
	pub quadratic: i64,
}

/// The square of a flow in Wh, in units of (100 Wh)².
pub(super) fn squared(flow: u64) -> i128 {
	let units = i128::from((flow / FLOW_UNIT).min(FLOW_BOUND));
	units.saturating_mul(units)
}

impl Fit {
	/// Adds a period. With at most 2¹² periods, q ≤ 2⁴⁰ and |r| ≤ 2³⁶ everything here is below 2¹²⁴.
	fn add(&mut self, flow: u64, residual: i128) {
		let (q, r) = (
			squared(flow),
			residual.clamp(0i128.saturating_sub(RESIDUAL_BOUND), RESIDUAL_BOUND),
		);
		self.n = self.n.saturating_add(1);
		self.q = self.q.saturating_add(q);
		self.qq = self.qq.saturating_add(q.saturating_mul(q));
		self.r = self.r.saturating_add(r);
		self.rq = self.rq.saturating_add(r.saturating_mul(q));
	}

	/// The model with the least squares, of those whose quadratic part is not negative.
	pub fn solve(&self) -> LossModel {
		let n = i128::from(self.n);
		if n == 0 {
			return LossModel::default();
		}
		let spread = n
			.saturating_mul(self.qq)
			.saturating_sub(self.q.saturating_mul(self.q));
		let slope = n
			.saturating_mul(self.rq)
			.saturating_sub(self.r.saturating_mul(self.q));
		let quadratic = if spread > 0 {
			(slope.saturating_mul(1 << FRACTION) / spread).clamp(0, QUADRATIC_BOUND)
		} else {
			0
		};
		let copper = quadratic.saturating_mul(self.q) >> FRACTION;
		LossModel {
			constant: clamp(self.r.saturating_sub(copper) / n),
			quadratic: clamp(quadratic),
		}
	}
}

impl LossModel {
	/// The losses, in Wh, at a flow of so many Wh.
	pub fn losses(&self, flow: u64) -> i128 {
		let copper = i128::from(self.quadratic).saturating_mul(squared(flow)) >> FRACTION;
		i128::from(self.constant).saturating_add(copper)
	}
}

/// How far residuals usually stray.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Stray {
	/// Over how many periods it was learned.
	pub learned: u16,
	/// The mean, in ppm of gross throughput.
	pub usual: u32,
}

impl Stray {
	/// Moves it: as the mean while it is learned, afterwards slowly, and by no more than twice the band would, so that
	/// what gives the alarm is not learned as usual.
	fn learn(&mut self, stray: i128, band: i128, ready: bool) {
		let before = i128::from(self.usual);
		let (value, weight) = if ready {
			(stray.min(band.saturating_mul(2)), MEMORY)
		} else {
			(stray, i128::from(self.learned).saturating_add(1))
		};
		self.learned = self.learned.saturating_add(1);
		let step = value.saturating_sub(before) / weight.max(1);
		self.usual = clamp_u32(before.saturating_add(step));
	}
}

/// What is known of a microgrid's balance.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Feeder {
	/// Sums of the fit.
	pub fit: Fit,
	/// Losses, once fitted.
	pub model: LossModel,
	/// How they have moved since.
	pub drift: Drift,
	/// How far the residual strays when members take more than they feed in.
	pub taking: Stray,
	/// How far it strays when they feed in more.
	pub feeding: Stray,
	/// Sum of what residuals were above the band, in thousandths of it.
	pub above: u32,
	/// Sum of what they were below it, likewise.
	pub below: u32,
	/// Periods in which a member's share was beyond what meters err by.
	pub standing: u16,
}

/// When a balance does not close.
#[derive(Clone, Copy, Debug)]
pub struct FeederBounds {
	/// Periods to fit the losses to, and half as many to learn the band from.
	pub calibration: u16,
	/// The least band, in ppm.
	pub least_band: u32,
	/// The sum, in bands, that is found.
	pub limit: u16,
	/// Periods of less gross throughput, in Wh, are passed over.
	pub floor: u32,
	/// What must be missing of a member on a usual day, in Wh, beyond what meters err by.
	pub missing: u32,
	/// For so many periods; each in which it is less takes four away.
	pub standing: u16,
	/// Periods of a day.
	pub periods_per_day: u32,
}

/// What a period of a microgrid showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balanced {
	/// What is left over, in Wh, once the losses are known.
	pub residual: Option<i64>,
	/// What is to be learned of it, in Wh.
	pub lesson: i64,
	/// What the losses add to the sum of squares of what explains the period.
	pub norm: u128,
	/// An alarm: the residual, and the most that is usual; in ppm of gross throughput.
	pub alarm: Option<Finding>,
}

impl Feeder {
	/// Whether the model is fitted and a band is learned.
	pub fn is_calibrated(&self, bounds: &FeederBounds) -> bool {
		let learned = self.taking.learned.max(self.feeding.learned);
		self.fit.n >= bounds.calibration && learned >= bounds.calibration / 2
	}

	/// Looks at a period: what the feeder measured, as import from and export to the grid in Wh, and its members.
	pub fn observe(
		&mut self,
		import: u64,
		export: u64,
		members: &Throughput,
		explained: &Explained,
		bounds: &FeederBounds,
	) -> Balanced {
		let gross = members.gross();
		if gross < u64::from(bounds.floor.max(1)) || !members.is_known() {
			return Balanced::default();
		}
		let net = |import: u64, export: u64| i128::from(import).saturating_sub(export.into());
		let flow = import.saturating_add(export);
		let over = net(import, export).saturating_sub(net(members.import, members.export));
		if self.fit.n < bounds.calibration.min(MOST_PERIODS) {
			self.fit.add(flow, over);
			self.model = self.fit.solve();
			return Balanced::default();
		}
		let mean = (self.fit.q / i128::from(self.fit.n).max(1)).max(1);
		let at = Relative::of(net(import, export), flow, members.export, mean);
		let losses = self
			.model
			.losses(flow)
			.saturating_add(self.drift.losses(&at));
		let residual = over.saturating_sub(losses);
		let unexplained = residual.saturating_sub(explained.explained.into());
		let ppm = unexplained.saturating_mul(PPM) / i128::from(gross);
		let stray = if members.export > members.import {
			&mut self.feeding
		} else {
			&mut self.taking
		};
		let ready = stray.learned >= bounds.calibration / 2;
		let band = i128::from(stray.usual.max(bounds.least_band).max(1));
		// No more is learned of a period than is nearly usual: what gives the alarm is not explained away at once.
		let lesson = if ready {
			let most = band.saturating_mul(LESSON).saturating_mul(gross.into()) / PPM;
			unexplained.clamp(0i128.saturating_sub(most), most)
		} else {
			unexplained
		};
		let norm = Drift::norm(&at);
		let whole = explained.lesson(clamp(lesson), norm).norm;
		self.drift.learn(lesson, &at, whole);
		stray.learn(ppm.saturating_abs(), band, ready);
		let mut balanced = Balanced {
			residual: Some(clamp(residual)),
			lesson: clamp(lesson),
			norm,
			alarm: None,
		};
		if !ready {
			return balanced;
		}
		// One period says no more than a quarter of the alarm: a single outlier is none. In bands, so that what strays by
		// day is not held against the band of the night.
		let limit = i128::from(bounds.limit.max(1)).saturating_mul(BAND);
		let most = (limit / 4).max(BAND.saturating_mul(2));
		let summed = |sum: u32, ppm: i128| {
			let step = (ppm.saturating_mul(BAND) / band)
				.min(most)
				.saturating_sub(BAND);
			clamp_u32(i128::from(sum).saturating_add(step))
		};
		self.above = summed(self.above, ppm);
		self.below = summed(self.below, 0i128.saturating_sub(ppm));
		if i128::from(self.above.max(self.below)) >= limit {
			(self.above, self.below) = (0, 0);
			balanced.alarm = Some(Finding::new(ppm, band));
		}
		let standing = self.stand(explained, gross, bounds);
		balanced.alarm = balanced.alarm.or(standing);
		balanced
	}

	/// What a member's share explains is missing no less: an alarm, if it is so for long enough.
	fn stand(
		&mut self,
		explained: &Explained,
		gross: u64,
		bounds: &FeederBounds,
	) -> Option<Finding> {
		let missing = explained.named().next().map_or(0, |worst| worst.missing);
		if missing < u64::from(bounds.missing.max(1)) {
			self.standing = self.standing.saturating_sub(4);
			return None;
		}
		self.standing = self.standing.saturating_add(1);
		if self.standing < bounds.standing {
			return None;
		}
		self.standing = 0;
		let ppm = |energy: u64| {
			let day = i128::from(gross).saturating_mul(bounds.periods_per_day.into());
			i128::from(energy).saturating_mul(PPM) / day.max(1)
		};
		Some(Finding::new(ppm(missing), ppm(bounds.missing.into())))
	}
}

#[cfg(test)]
mod tests;
