//! The fleet at work: at the end of each period every device reads its registers, signs, and posts; then
//! the agents trade the period after next.

use std::{
	collections::BTreeMap,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc,
	},
	time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use gridweave_primitives::{reading::SignedReading, MeterId, Period, PeriodClock};
use sp_core::H256;
use tokio::sync::{mpsc, watch};
use tracing::{debug, error, info};

use super::{
	chain::Chain,
	deliver::Delivery,
	device::Device,
	flex::Told,
	grid::Grid,
	obey::{Ears, Obeyed},
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

/// A device's outbox: delivers its readings in order, each some time after it was captured; at once when the
/// fleet is stopping.
struct Outbox {
	queue: mpsc::UnboundedSender<SignedReading>,
	delivered: Arc<AtomicU64>,
	task: tokio::task::JoinHandle<Result<()>>,
}

impl Outbox {
	fn new(
		meter: MeterId,
		delivery: Delivery,
		offset: Duration,
		mut stop: watch::Receiver<bool>,
	) -> Self {
		let (queue, mut readings) = mpsc::unbounded_channel::<SignedReading>();
		let delivered = Arc::new(AtomicU64::new(0));
		let count = delivered.clone();
		let task = tokio::spawn(async move {
			while let Some(signed) = readings.recv().await {
				let due = Duration::from_secs(signed.reading.captured_at) + offset;
				tokio::select! {
					() = tokio::time::sleep(due.saturating_sub(now())) => (),
					_ = stop.wait_for(|stop| *stop) => (),
				}
				let attempts = (delivery.deliver(&signed).await)
					.inspect_err(|error| error!("meter {meter} cannot post: {error:#}"))?;
				if attempts > 1 {
					debug!("meter {meter} posted after {attempts} attempts");
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
	/// What devices hear.
	pub ears: Ears,
}

/// What a fleet has done.
pub struct Done {
	/// How many readings of each meter were delivered.
	pub sent: Vec<(u32, u64)>,
	/// What devices did as they were told.
	pub obeyed: Vec<Obeyed>,
}

impl Fleet {
	/// Runs until told to stop; then waits until all readings are delivered.
	pub async fn run(self, stop: watch::Receiver<bool>) -> Result<Done> {
		let Self {
			chain,
			grid,
			participants,
			clock,
			first,
			first_row,
			delivery,
			ears,
		} = self;
		let count = u32::try_from(participants.len())?;
		let part = Duration::from_secs(clock.period_length.into()) / POSTING_PART;
		let (mut meters, accounts): (Vec<_>, Vec<_>) = (participants.into_iter())
			.enumerate()
			.map(|(place, participant)| {
				let offset = part * place as u32 / count.max(1);
				let meter = participant.device.meter();
				let outbox = Outbox::new(meter, delivery.clone(), offset, stop.clone());
				((participant.device, outbox), (meter.0, participant.account))
			})
			.unzip();

		let genesis_hash = H256(chain.genesis_hash().0);
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
		// One period before the first they trade the second; the chain knows of no charge yet. Before the
		// first row of the data nobody knows anything.
		if let Some(now_row) = first_row.checked_sub(1) {
			let unknown = vec![Registers::default(); shown.len()];
			know(first.next(), 0, now_row, unknown);
		}
		let (mut told, mut obeyed) = (BTreeMap::new(), Vec::new());
		for period in first.0.. {
			let period = Period(period);
			let mut stopped = stop.clone();
			tokio::select! {
				_ = stopped.wait_for(|stop| *stop) => break,
				() = sleep_until(clock.start_of(period)) => (),
			}
			if period > first {
				shown = replay.step_told(&told);
				let place = (period.0 - first.0 - 1) as usize;
				obeyed.extend(told.iter().map(|(member, told)| Obeyed {
					period: place,
					member: *member,
					told: *told,
				}));
				tell_of(period, told.len(), replay.changed_wh());
			}
			told = obey(
				&mut meters,
				&ears,
				clock.start_of(period),
				clock.period_length,
			);
			post(&mut meters, &genesis_hash, &clock, period, &shown)?;
			let due = clock.start_of(period)
				+ u64::from(clock.period_length) * TRADING_AFTER.0 / TRADING_AFTER.1;
			know(period.saturating_add(2), due, replay.row(), shown.clone());
		}

		// They may be asleep until late in a long period; what is ordered now would be delivered by nobody.
		agents.abort();
		let mut delivered = Vec::new();
		for (device, outbox) in meters {
			drop(outbox.queue);
			outbox.task.await??;
			delivered.push((device.meter().0, outbox.delivered.load(Ordering::Relaxed)));
		}
		Ok(Done {
			sent: delivered,
			obeyed,
		})
	}
}

/// Tells what came of commands in the period before `period`.
fn tell_of(period: Period, devices: usize, changed_wh: i64) {
	if devices > 0 || changed_wh != 0 {
		info!(
			"period {}: {devices} devices did as they were told; the community took {changed_wh:+} Wh by it",
			period.saturating_sub(1)
		);
	}
}

/// Devices set themselves up for the period that begins at `now`, and will say so in their readings. By place,
/// what they are told.
fn obey(
	meters: &mut [(Device, Outbox)],
	ears: &Ears,
	now: u64,
	period_seconds: u32,
) -> BTreeMap<usize, Told> {
	let mut all = BTreeMap::new();
	for (place, (device, _)) in meters.iter_mut().enumerate() {
		let (told, acknowledged) = ears.obey(device.meter().0, now, period_seconds);
		device.acknowledge(acknowledged);
		all.extend(told.map(|told| (place, told)));
	}
	all
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
			// The task has ended early, and has said why.
			anyhow::bail!("meter {} cannot post any more", device.meter());
		}
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::fleet::device::Model;
	use axum::{http::StatusCode, routing::post, Router};

	/// An outbox whose readings are due in an hour, and a device for it.
	async fn outbox(stop: watch::Receiver<bool>) -> (Outbox, Device) {
		let router = Router::new().route("/v1/readings", post(|| async { StatusCode::CREATED }));
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let url = format!("http://{}", listener.local_addr().unwrap());
		tokio::spawn(async move { axum::serve(listener, router).await });
		let offset = Duration::from_secs(3_600);
		let outbox = Outbox::new(MeterId(0), Delivery::new(&url).unwrap(), offset, stop);
		(outbox, Device::new(&[1; 32], 0, Model::full(0, 1)))
	}

	#[tokio::test]
	async fn a_fleet_that_stops_should_not_wait_for_its_devices_turns() {
		let (stop, stopping) = watch::channel(false);
		let (outbox, mut device) = outbox(stopping).await;
		for _ in 0..3 {
			let signed = device.read(&H256::zero(), now().as_secs(), &Registers::default(), 900);
			outbox.queue.send(signed).unwrap();
		}
		tokio::time::sleep(Duration::from_millis(200)).await;
		assert_eq!(outbox.delivered.load(Ordering::Relaxed), 0);
		stop.send(true).unwrap();
		drop(outbox.queue);
		let ended = tokio::time::timeout(Duration::from_secs(10), outbox.task).await;
		ended.expect("it ends at once").unwrap().unwrap();
		assert_eq!(outbox.delivered.load(Ordering::Relaxed), 3);
	}
}
