//! The names of the events that the fleet reads. An event that the chain calls otherwise would be passed
//! over in silence: so all names are compared with the chain's metadata before a run.

/// Kinds of events that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
	/// A fill.
	Trade,
	/// A bill.
	Statement,
	/// A settled period.
	Settled,
	/// Money went into a trading balance.
	ToppedUp,
	/// Money went out of it.
	Withdrawn,
	/// Readings came by an authority's batch.
	Accepted,
	/// Readings came by the relay call.
	Relayed,
	/// An account paid for a transaction.
	Fee,
	/// Something that must not happen in a run.
	Wrong,
}

/// The events that are read: pallet, name, kind, and the fields that are read.
const READ: [(&str, &str, Kind, &[&str]); 13] = {
	use Kind::*;
	const STATEMENT: &[&str] = &["microgrid", "period", "meter", "statement"];
	const MOVED: &[&str] = &["who", "amount"];
	const READINGS: &[&str] = &["accepted", "stale"];
	const FILL: &[&str] = &[
		"microgrid",
		"period",
		"price",
		"energy",
		"buyer_meter",
		"seller_meter",
	];
	[
		("OrderBook", "Trade", Trade, FILL),
		("Settlement", "StatementIssued", Statement, STATEMENT),
		(
			"Settlement",
			"PeriodSettled",
			Settled,
			&["microgrid", "period", "summary"],
		),
		("Settlement", "ToppedUp", ToppedUp, MOVED),
		("Settlement", "Withdrawn", Withdrawn, MOVED),
		("Settlement", "CorrectionSettled", Wrong, &[]),
		("Settlement", "ArrearsGrew", Wrong, &[]),
		("Settlement", "ClaimRecorded", Wrong, &[]),
		("MeterRegistry", "ReadingsAccepted", Accepted, READINGS),
		("MeterRegistry", "ReadingsRelayed", Relayed, READINGS),
		("MeterRegistry", "EnergySuspended", Wrong, &[]),
		("MeterRegistry", "RegisterRolledBack", Wrong, &[]),
		(
			"TransactionPayment",
			"TransactionFeePaid",
			Fee,
			&["who", "actual_fee"],
		),
	]
};

/// Kind of an event, if it is read.
pub fn kind_of(pallet: &str, name: &str) -> Option<Kind> {
	let mut read = READ.iter();
	let found = read.find(|read| (read.0, read.1) == (pallet, name))?;
	Some(found.2)
}

/// What a chain lacks of the events that are read here and of `more`: an event that went by another name
/// would be passed over. `fields_of` tells an event's fields, if the chain has it.
pub fn missing(
	fields_of: impl Fn(&str, &str) -> Option<Vec<String>>,
	more: &[(&str, &str, &[&str])],
) -> Vec<String> {
	let read = READ.map(|(pallet, name, _, fields)| (pallet, name, fields));
	let mut missing = Vec::new();
	for (pallet, name, fields) in read.iter().chain(more) {
		match fields_of(pallet, name) {
			None => missing.push(format!("{pallet}.{name}")),
			Some(there) => missing.extend(
				(fields.iter())
					.filter(|field| !there.iter().any(|name| name == *field))
					.map(|field| format!("{pallet}.{name}.{field}")),
			),
		}
	}
	missing
}

#[cfg(test)]
mod tests {
	use super::*;

	fn all(pallet: &str, name: &str) -> Option<Vec<String>> {
		let found = READ.iter().find(|read| (read.0, read.1) == (pallet, name));
		found.map(|(.., fields)| fields.iter().map(ToString::to_string).collect())
	}

	#[test]
	fn an_event_or_field_that_the_chain_lacks_should_be_named() {
		assert!(missing(all, &[]).is_empty());
		let renamed =
			|pallet: &str, name: &str| all(pallet, name).filter(|_| name != "ArrearsGrew");
		assert_eq!(missing(renamed, &[]), ["Settlement.ArrearsGrew"]);
		let poorer = |pallet: &str, name: &str| {
			let mut fields = all(pallet, name)?;
			fields.retain(|field| (name, field.as_str()) != ("Trade", "energy"));
			Some(fields)
		};
		assert_eq!(missing(poorer, &[]), ["OrderBook.Trade.energy"]);
		let more = [("MeterRegistry", "MeterRegistered", ["meter"].as_slice())];
		assert_eq!(missing(all, &more), ["MeterRegistry.MeterRegistered"]);
	}
}
