//! How long something took, and what it cost.

use std::{
	ops::AddAssign,
	thread::sleep,
	time::{Duration, Instant},
};

use rustix::time::{clock_gettime, ClockId};

/// What something took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Took {
	/// From its beginning to its end.
	pub wall: Duration,
	/// Of processors, by all threads: what it costs even if others keep the machine busy.
	pub cpu: Duration,
}

impl AddAssign for Took {
	fn add_assign(&mut self, other: Self) {
		self.wall += other.wall;
		self.cpu += other.cpu;
	}
}

/// Measures from its start on.
pub struct Stopwatch {
	wall: Instant,
	cpu: Duration,
}

impl Stopwatch {
	/// Now.
	pub fn start() -> Self {
		Self {
			wall: Instant::now(),
			cpu: cpu(),
		}
	}

	/// What it took since the start.
	pub fn read(&self) -> Took {
		Took {
			wall: self.wall.elapsed(),
			cpu: cpu().saturating_sub(self.cpu),
		}
	}

	/// What it took since the start, and what other threads still have to do for it, a database to write, say.
	pub fn read_at_rest(&self) -> Took {
		let wall = self.wall.elapsed();
		rest();
		Took {
			wall,
			cpu: cpu().saturating_sub(self.cpu),
		}
	}
}

/// Waits until nothing is done any more.
pub fn rest() {
	/// How often that is looked for, and how often it must be seen in a row.
	const LOOK: Duration = Duration::from_millis(10);
	const LOOKS: u32 = 3;
	/// What looking takes at most.
	const NOTHING: Duration = Duration::from_micros(200);
	let (mut before, mut seen) = (cpu(), 0);
	while seen < LOOKS {
		sleep(LOOK);
		let now = cpu();
		let rests = now.saturating_sub(before) <= NOTHING;
		seen = if rests { seen + 1 } else { 0 };
		before = now;
	}
}

/// What this process has used of processors.
fn cpu() -> Duration {
	let time = clock_gettime(ClockId::ProcessCPUTime);
	Duration::new(
		u64::try_from(time.tv_sec).unwrap_or_default(),
		u32::try_from(time.tv_nsec).unwrap_or_default(),
	)
}
