//! The chain's events, as far as the fleet minds them, by the names and fields of its metadata.

use anyhow::{Context, Result};
use subxt::{
	config::substrate::SubstrateConfig,
	events::Event,
	ext::scale_decode::{DecodeAsFields, DecodeAsType},
};

use super::{
	names::{kind_of, Kind},
	recount::{
		energy::Metered,
		money::{Account, Trade},
	},
};

/// An account's bytes.
pub type AccountId = [u8; 32];

/// What the fleet minds of a block's events.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
	/// A fill.
	Trade {
		/// Period of delivery.
		period: u32,
		/// The fill.
		trade: Trade,
	},
	/// A bill.
	Statement {
		/// The billed period.
		period: u32,
		/// The meter.
		meter: u32,
		/// Who is billed.
		account: AccountId,
		/// Whether the energy was measured, not estimated.
		measured: bool,
		/// The bill's energies and money.
		bill: Account,
	},
	/// A settled period.
	Settled {
		/// The period.
		period: u32,
		/// Its sums.
		summary: Summary,
	},
	/// A batch of readings by the off-chain worker, or a relayed one.
	Readings {
		/// How many were taken.
		accepted: u64,
		/// How many had come before.
		stale: u64,
		/// Whether somebody relayed them.
		relayed: bool,
	},
	/// Money went into a trading balance, or out of it.
	Moved {
		/// Whose.
		account: AccountId,
		/// Planck, negative when withdrawn.
		amount: i128,
	},
	/// An account paid for a transaction.
	Fee {
		/// Whose.
		account: AccountId,
		/// Planck, the tip included.
		amount: i128,
	},
	/// Something that must not happen in a run.
	Wrong(String),
}

/// Sums of a settled period, as the chain gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
	/// Meters with a statement.
	pub meters: u32,
	/// Planck that the operator gets.
	pub operator: i128,
	/// Planck that the community's fund gets.
	pub fund: i128,
	/// Price of surplus, in 10⁻⁶ GRID per kWh.
	pub surplus_price: u64,
	/// Price of need.
	pub need_price: u64,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct StatementIssued {
	microgrid: u32,
	period: u32,
	meter: u32,
	statement: Statement,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Statement {
	account: AccountId,
	provenance: Option<Provenance>,
	import: u64,
	export: u64,
	contracts: Contracts,
	split: Split,
	amount: i128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Contracts {
	sold: u64,
	bought: u64,
	fee: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Split {
	shortfall: u64,
	excess: u64,
	surplus: u64,
	need: u64,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct PeriodSettled {
	microgrid: u32,
	period: u32,
	summary: PeriodSummary,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct PeriodSummary {
	meters: u32,
	prices: Prices,
	operator: i128,
	fund: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Prices {
	residual: Residual,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Residual {
	members: Pair,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Pair {
	sell: u64,
	buy: u64,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Moved {
	who: AccountId,
	amount: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Readings {
	accepted: u32,
	stale: u32,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Fill {
	microgrid: u32,
	period: u32,
	price: u64,
	energy: u64,
	buyer_meter: u32,
	seller_meter: u32,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct FeePaid {
	who: AccountId,
	actual_fee: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
enum Provenance {
	Measured,
	Estimated,
	Corrected,
}

/// What an event of a block says, if the fleet minds it; only of this microgrid where it names one.
pub fn read(event: &Event<'_, SubstrateConfig>, microgrid: u32) -> Result<Option<Seen>> {
	let (pallet, name) = (event.pallet_name(), event.event_name());
	let Some(kind) = kind_of(pallet, name) else {
		return Ok(None);
	};
	let seen = match kind {
		Kind::Trade => {
			let fill: Fill = decode(event)?;
			let Fill {
				buyer_meter: buyer,
				seller_meter: seller,
				energy,
				price,
				..
			} = fill;
			(fill.microgrid == microgrid).then_some(Seen::Trade {
				period: fill.period,
				trade: Trade {
					seller,
					buyer,
					energy,
					price,
				},
			})
		}
		Kind::Statement => {
			let issued: StatementIssued = decode(event)?;
			let statement = issued.statement;
			(issued.microgrid == microgrid).then(|| Seen::Statement {
				period: issued.period,
				meter: issued.meter,
				account: statement.account,
				measured: matches!(statement.provenance, Some(Provenance::Measured)),
				bill: Account {
					metered: Metered {
						import: statement.import,
						export: statement.export,
					},
					sold: statement.contracts.sold,
					bought: statement.contracts.bought,
					shortfall: statement.split.shortfall,
					excess: statement.split.excess,
					surplus: statement.split.surplus,
					need: statement.split.need,
					fees: signed(statement.contracts.fee),
					payment: statement.amount,
				},
			})
		}
		Kind::Settled => {
			let settled: PeriodSettled = decode(event)?;
			let PeriodSummary {
				meters,
				prices,
				operator,
				fund,
			} = settled.summary;
			let Pair { sell, buy } = prices.residual.members;
			(settled.microgrid == microgrid).then(|| Seen::Settled {
				period: settled.period,
				summary: Summary {
					meters,
					operator,
					fund: signed(fund),
					surplus_price: sell,
					need_price: buy,
				},
			})
		}
		Kind::ToppedUp | Kind::Withdrawn => {
			let Moved { who, amount } = decode(event)?;
			let sign = if kind == Kind::ToppedUp { 1 } else { -1 };
			Some(Seen::Moved {
				account: who,
				amount: sign * signed(amount),
			})
		}
		Kind::Accepted | Kind::Relayed => {
			let Readings { accepted, stale } = decode(event)?;
			Some(Seen::Readings {
				accepted: accepted.into(),
				stale: stale.into(),
				relayed: kind == Kind::Relayed,
			})
		}
		Kind::Fee => {
			let FeePaid { who, actual_fee } = decode(event)?;
			Some(Seen::Fee {
				account: who,
				amount: signed(actual_fee),
			})
		}
		Kind::Wrong => Some(Seen::Wrong(format!("the chain reports {pallet}.{name}"))),
	};
	Ok(seen)
}

fn decode<E: DecodeAsFields>(event: &Event<'_, SubstrateConfig>) -> Result<E> {
	event
		.decode_fields_unchecked_as()
		.with_context(|| format!("event {}.{}", event.pallet_name(), event.event_name()))
}

/// Amounts of money are below 2¹²⁰.
fn signed(amount: u128) -> i128 {
	i128::try_from(amount).unwrap_or(i128::MAX)
}
