//! The fleet at work: at the end of each period every device reads its registers, signs, and posts; then
//! the agents trade the period after next.

use std::{
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc,
	},
	time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use gridweave_primitives::{reading::SignedReading, Period, PeriodClock};
use sp_core::H256;
use tokio::sync::{mpsc, watch};
use tracing::debug;

use super::{
	chain::Chain,
	deliver::Delivery,
	device::Device,
	grid::Grid,
	participant::Participant,
	replay::{Registers, Replay},
	trade::{agents, Knowledge},
};

/// Devices post within this part of a period after its end, one after another in order of their meters.
const POSTING_PART: u32 = 6;
/// Agents trade when this part of a period has passed: the chain knows by then what storages hold.
const TRADING_AFTER: (u64, u64) = (2, 3);

/// Seconds since 1970, of this machine, in milliseconds' precision.
fn now() -> Duration {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.unwrap_or_default()
}

/// Sleeps until a Unix second; not at all if that has passed.
pub async fn sleep_until(second: u64) {
	tokio::time::sleep(Duration::from_secs(second).saturating_sub(now())).await
}

/// The period this machine's clock is in.
pub fn current_period(clock: &PeriodClock) -> Period {
	clock.period_at(now().as_secs())
}

/// A device's outbox: delivers its readings in order.
struct Outbox {
	queue: mpsc::UnboundedSender<SignedReading>,
	delivered: Arc<AtomicU64>,
	task: tokio::task::JoinHandle<Result<()>>,
}

impl Outbox {
	fn new(delivery: Delivery, offset: Duration) -> Self {
		let (queue, mut readings) = mpsc::unbounded_channel::<SignedReading>();
		let delivered = Arc::new(AtomicU64::new(0));
		let count = delivered.clone();
		let task = tokio::spawn(async move {
			while let Some(signed) = readings.recv().await {
				let due = Duration::from_secs(signed.reading.captured_at) + offset;
				tokio::time::sleep(due.saturating_sub(now())).await;
				let attempts = delivery.deliver(&signed).await?;
				if attempts > 1 {
					debug!(
						"meter {} posted after {attempts} attempts",
						signed.reading.meter
					);
				}
				count.fetch_add(1, Ordering::Relaxed);
			}
			Ok(())
		});
		Self {
			queue,
			delivered,
			task,
		}
	}
}

/// What the fleet needs to run.
pub struct Fleet {
	/// The node.
	pub chain: Arc<Chain>,
	/// The grid.
	pub grid: Arc<Grid>,
	/// Its members.
	pub participants: Vec<Participant>,
	/// The chain's clock.
	pub clock: PeriodClock,
	/// The first metered period.
	pub first: Period,
	/// The row it replays.
	pub first_row: usize,
	/// The way to the gateway.
	pub delivery: Delivery,
}

impl Fleet {
	/// Runs until told to stop; then waits until all readings are delivered, and tells how many of each
	/// meter were.
	pub async fn run(self, stop: watch::Receiver<bool>) -> Result<Vec<(u32, u64)>> {
		let Self {
			chain,
			grid,
			participants,
			clock,
			first,
			first_row,
			delivery,
		} = self;
		let count = u32::try_from(participants.len())?;
		let part = Duration::from_secs(clock.period_length.into()) / POSTING_PART;
		let (mut meters, accounts): (Vec<_>, Vec<_>) = (participants.into_iter())
			.enumerate()
			.map(|(place, participant)| {
				let offset = part * place as u32 / count.max(1);
				let outbox = Outbox::new(delivery.clone(), offset);
				let meter = participant.device.meter().0;
				((participant.device, outbox), (meter, participant.account))
			})
			.unzip();

		let genesis_hash = H256(chain.genesis_hash().0);
		let rows = grid.profiles.rows();
		let mut replay = Replay::new(&grid, first_row);
		let mut shown = replay.registers();
		let (tell, told) = mpsc::unbounded_channel();
		let agents = tokio::spawn(agents(chain.clone(), grid.clone(), accounts, told));
		// That the agents have gone shows at the end.
		let know = |target, due, now_row, shown| {
			tell.send(Knowledge {
				target,
				due,
				now_row,
				shown,
			})
			.ok();
		};
		// One period before the first they trade the second; the chain knows of no charge yet.
		let unknown = vec![Registers::default(); shown.len()];
		know(first.next(), 0, (first_row + rows - 1) % rows, unknown);
		for period in first.0.. {
			let period = Period(period);
			let mut stopped = stop.clone();
			tokio::select! {
				_ = stopped.wait_for(|stop| *stop) => break,
				() = sleep_until(clock.start_of(period)) => (),
			}
			if period > first {
				shown = replay.step();
			}
			post(&mut meters, &genesis_hash, &clock, period, &shown)?;
			let due = clock.start_of(period)
				+ u64::from(clock.period_length) * TRADING_AFTER.0 / TRADING_AFTER.1;
			know(period.saturating_add(2), due, replay.row(), shown.clone());
		}

		drop(tell);
		agents.await?;
		let mut delivered = Vec::new();
		for (device, outbox) in meters {
			drop(outbox.queue);
			outbox.task.await??;
			delivered.push((device.meter().0, outbox.delivered.load(Ordering::Relaxed)));
		}
		Ok(delivered)
	}
}

/// Reads, signs and queues what all meters show at the start of `period`.
fn post(
	meters: &mut [(Device, Outbox)],
	genesis_hash: &H256,
	clock: &PeriodClock,
	period: Period,
	shown: &[Registers],
) -> Result<()> {
	for ((device, outbox), shown) in meters.iter_mut().zip(shown) {
		let captured_at = clock.start_of(period);
		let signed = device.read(genesis_hash, captured_at, shown, clock.period_length);
		if outbox.queue.send(signed).is_err() {
			// The task has ended early: its error says why.
			anyhow::bail!("meter {} cannot post any more", device.meter());
		}
	}
	Ok(())
}
