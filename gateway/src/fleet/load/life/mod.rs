//! A device at work: it reads its registers at its turns, signs, and posts until the gateway has
//! acknowledged; and whatever is ordered befalls it.

#[cfg(test)]
mod tests;

use std::{
	sync::Arc,
	time::{Duration, Instant, UNIX_EPOCH},
};

use anyhow::Result;
use codec::Encode;
use gridweave_gateway::inlets::gateway::Advice;
use serde::{Deserialize, Serialize};
use sp_core::H256;
use tokio::sync::{watch, Semaphore};

use super::{
	course::Course,
	expect::Acknowledged,
	flash::Flash,
	plan::{Plan, Step},
	post::{Answer, Post},
	schedule::Schedule,
	tally::{Tally, Waiting},
};
use crate::fleet::{device::Device, replay::Registers};

/// Pauses between attempts, the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// In what time all devices give their last reading when they are stopped.
const CLOSING: Duration = Duration::from_secs(10);

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
	/// Devices report.
	Running,
	/// Devices give their last reading.
	Closing,
	/// Nobody takes their readings: devices end.
	GivenUp,
}

/// What all devices share.
pub struct Field {
	/// What befalls them.
	pub plan: Plan,
	/// When their turns are.
	pub schedule: Schedule,
	/// What their members' meters show.
	pub course: Course,
	/// Where the course begins, in Unix seconds.
	pub origin: u64,
	/// The chain they sign for.
	pub genesis: H256,
	/// Length of a settlement period, in seconds.
	pub period: u32,
	/// What they keep.
	pub flash: Flash,
	/// The way to the gateway.
	pub post: Post,
	/// How many post at a time.
	pub permits: Semaphore,
	/// What is counted.
	pub tally: Tally,
	/// What is not finalised yet.
	pub waiting: Waiting,
	/// How far the run is.
	pub phase: watch::Receiver<Phase>,
}

/// What a meter's registers would show if they never rolled over, in Wh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
	/// Import.
	pub import: u64,
	/// Export.
	pub export: u64,
}

/// The last reading that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
	/// Its sequence.
	pub sequence: u64,
	/// When it was captured, by the device's clock.
	pub captured_at: u64,
	/// What it showed.
	pub stand: Stand,
}

/// What a device remembers of the run.
#[derive(Clone, Debug, Default)]
pub struct Log {
	/// What was acknowledged, in order.
	pub acknowledged: Vec<Acknowledged>,
	/// The latest time that any of these was captured at.
	pub newest: Option<i32>,
	/// What the first of these showed.
	pub first: Option<Stand>,
	/// The last of these.
	pub last: Option<Last>,
	/// Whether the device ended with a reading that nobody took.
	pub gave_up: bool,
	/// Answers that the gateway should not have given.
	pub wrong: Vec<String>,
}

/// A reading, and how it came about.
struct Taken {
	frame: Vec<u8>,
	last: Last,
	ahead: bool,
}

/// A device at work.
pub struct Life {
	/// Its place among all devices.
	pub number: u32,
	/// Its place among the members.
	pub member: usize,
	/// The device.
	pub device: Device,
	/// What its registers showed before the run.
	pub start: Stand,
	/// Whether it measures what a storage holds.
	pub measures_charge: bool,
	/// What it shares with the others.
	pub field: Arc<Field>,
}

impl Life {
	/// Until the last reading is acknowledged, or all have given up.
	pub async fn run(mut self) -> Result<Log> {
		let mut log = Log::default();
		let mut newest: Option<Taken> = None;
		let mut held: Option<Taken> = None;
		self.device
			.set_sequence(self.field.flash.last(self.number)?);
		for round in 0..self.field.schedule.rounds {
			let turn = self.turn(round).await;
			let is_last = round + 1 == self.field.schedule.rounds || self.phase() > Phase::Running;
			let step = match self.field.plan.step(self.number, round) {
				_ if is_last => Step::Plain,
				Step::Reorder if held.is_some() => Step::Plain,
				step => step,
			};
			if step == Step::Restart {
				self.field.tally.restarted.add();
				self.device
					.set_sequence(self.field.flash.last(self.number)?);
				if let Some(newest) = &newest {
					self.again(newest, &mut log).await;
				}
			}
			let taken = self.take(round, turn, is_last.then_some(&log))?;
			match step {
				Step::Drop => {
					self.field.tally.dropped.add();
					continue;
				}
				Step::Reorder => {
					self.field.tally.reordered.add();
					held = Some(taken);
					continue;
				}
				Step::Delay => {
					self.field.tally.delayed.add();
					let due = turn + self.field.plan.faults.delay_by;
					self.until(due, Phase::Closing).await;
				}
				Step::Plain | Step::Duplicate | Step::Restart => {}
			}
			self.deliver(&taken, &mut log).await;
			if log.gave_up {
				break;
			}
			if step == Step::Duplicate {
				self.field.tally.duplicated.add();
				self.again(&taken, &mut log).await;
			}
			if let Some(held) = held.take() {
				self.late(&held, &mut log).await;
			}
			newest = Some(taken);
			if is_last {
				break;
			}
		}
		Ok(log)
	}

	fn phase(&self) -> Phase {
		*self.field.phase.borrow()
	}

	/// Waits until a time, or until the run is so far.
	async fn until(&self, time: Duration, phase: Phase) {
		let now = UNIX_EPOCH.elapsed().unwrap_or_default();
		let mut phases = self.field.phase.clone();
		tokio::select! {
			() = tokio::time::sleep(time.saturating_sub(now)) => (),
			_ = phases.wait_for(|found| *found >= phase) => (),
		}
	}

	/// Waits for the device's turn, and tells when that was. When devices are stopped before, they take
	/// their last turns one after another.
	async fn turn(&self, round: u32) -> Duration {
		let schedule = &self.field.schedule;
		let turn = schedule.turn(self.number, round);
		self.until(turn, Phase::Closing).await;
		let now = UNIX_EPOCH.elapsed().unwrap_or_default();
		if now >= turn {
			return turn;
		}
		let turn = turn.min(now + CLOSING * self.number / schedule.devices);
		self.until(turn, Phase::GivenUp).await;
		turn
	}

	/// Reads the registers and signs. The last reading is to be accepted, whatever clock the ones before were
	/// captured by.
	fn take(&mut self, round: u32, turn: Duration, last: Option<&Log>) -> Result<Taken> {
		let field = &self.field;
		let now = turn.as_secs();
		let offset = match last {
			None => field.plan.clock_offset(self.number, round),
			Some(log) => {
				let after = |newest| i64::from(newest) + 1 + self.start_second() as i64;
				log.newest
					.map_or(0, |newest| (after(newest) - now as i64).max(0))
			}
		};
		if offset != 0 && last.is_none() {
			field.tally.drifted.add();
		}
		let mut shown = field
			.course
			.at(self.member, now.saturating_sub(field.origin));
		let stand = Stand {
			import: self.start.import.saturating_add(shown.import_wh),
			export: self.start.export.saturating_add(shown.export_wh),
		};
		shown = Registers {
			import_wh: stand.import,
			export_wh: stand.export,
			charge_wh: shown.charge_wh.filter(|_| self.measures_charge),
			..shown
		};
		let captured_at = now.saturating_add_signed(offset);
		// Before it is signed: whatever happens, there is no second reading of this sequence.
		field
			.flash
			.note(self.number, self.device.sequence().saturating_add(1))?;
		let signed = self
			.device
			.read(&field.genesis, captured_at, &shown, field.period);
		Ok(Taken {
			frame: signed.encode(),
			last: Last {
				sequence: signed.reading.sequence,
				captured_at,
				stand,
			},
			ahead: offset > 0,
		})
	}

	fn start_second(&self) -> u64 {
		self.field.schedule.start.as_secs()
	}

	/// Posts a reading for the first time.
	async fn deliver(&self, taken: &Taken, log: &mut Log) {
		let tally = &self.field.tally;
		tally.sent.add();
		let Some((answer, doubtful)) = self.answer(&taken.frame).await else {
			log.gave_up = true;
			return;
		};
		let sequence = taken.last.sequence;
		match (answer.advice(), answer.name()) {
			(Advice::Forget, "duplicate") if !doubtful => log
				.wrong
				.push(format!("reading {sequence} was known before it was posted")),
			(Advice::Forget, _) => {
				tally.acknowledged.add();
				let captured = taken.last.captured_at as i64 - self.start_second() as i64;
				let captured = Acknowledged {
					// A run is shorter than 68 years.
					captured: captured as i32,
					ahead: taken.ahead,
				};
				let is_newest = log.newest < Some(captured.captured);
				log.newest = log.newest.max(Some(captured.captured));
				log.acknowledged.push(captured);
				// The chain refuses what is not the newest, and lets wait what is ahead of its time.
				if is_newest && !taken.ahead {
					self.field
						.waiting
						.acknowledged(self.number, sequence, Instant::now());
				}
				log.first.get_or_insert(taken.last.stand);
				log.last = Some(taken.last);
			}
			(_, name) => log
				.wrong
				.push(format!("reading {sequence} was refused: {name}")),
		}
	}

	/// Posts the newest reading again, which the gateway must know.
	async fn again(&self, taken: &Taken, log: &mut Log) {
		match self.answer(&taken.frame).await {
			Some((answer, _)) if answer.name() == "duplicate" => self.field.tally.duplicates.add(),
			answer => unexpected(log, taken, "again", answer),
		}
	}

	/// Posts a reading after its successor, which the gateway must refuse.
	async fn late(&self, taken: &Taken, log: &mut Log) {
		self.field.tally.sent.add();
		match self.answer(&taken.frame).await {
			Some((answer, _)) if answer.name() == "stale" => self.field.tally.stale.add(),
			answer => unexpected(log, taken, "late", answer),
		}
	}

	/// Posts until the gateway has taken the reading, or never will, and whether an attempt before may have
	/// succeeded; nothing if the run is given up meanwhile.
	///
	/// Whoever does not reach the gateway keeps its place: only so many knock at its door.
	async fn answer(&self, frame: &[u8]) -> Option<(Answer, bool)> {
		let field = &self.field;
		let mut pause = PAUSES.0;
		let mut doubtful = false;
		loop {
			let permit = tokio::select! {
				permit = field.permits.acquire() => permit.ok()?,
				() = self.given_up() => return None,
			};
			loop {
				let answer = field.post.post(frame.to_vec()).await;
				let advice = answer.advice();
				if advice != Advice::Forget {
					field.tally.refuse(&answer);
				}
				match advice {
					Advice::Forget | Advice::GiveUp => return Some((answer, doubtful)),
					Advice::AskAgain => break,
					Advice::Wait => {
						doubtful = true;
						self.rest(&mut pause).await?;
					}
				}
			}
			drop(permit);
			self.rest(&mut pause).await?;
		}
	}

	/// Pauses, longer every time; nothing if the run is given up.
	async fn rest(&self, pause: &mut Duration) -> Option<()> {
		tokio::select! {
			() = tokio::time::sleep(*pause) => (),
			() = self.given_up() => return None,
		}
		*pause = (*pause * 2).min(PAUSES.1);
		Some(())
	}

	async fn given_up(&self) {
		let mut phase = self.field.phase.clone();
		// An error means that nobody is left who could take anything.
		let _ = phase.wait_for(|phase| *phase == Phase::GivenUp).await;
	}
}

fn unexpected(log: &mut Log, taken: &Taken, how: &str, answer: Option<(Answer, bool)>) {
	match answer {
		None => log.gave_up = true,
		Some((answer, _)) => log.wrong.push(format!(
			"reading {}, posted {how}, was answered: {}",
			taken.last.sequence,
			answer.name()
		)),
	}
}
