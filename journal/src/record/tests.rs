//! The format, pinned: others read it.

use serde_json::{json, Value};

use super::*;

fn line(record: Record) -> Line {
	Line {
		block: 7,
		event: None,
		extrinsic: None,
		record,
	}
}

/// What a line is in JSON; it must be the same line when it is read again.
fn told(line: Line) -> Value {
	let text = serde_json::to_string(&line).expect("it serializes");
	assert!(!text.contains('\n'));
	assert_eq!(
		serde_json::from_str::<Line>(&text).expect("it reads"),
		line,
		"{text}"
	);
	let value: Value = serde_json::from_str(&text).expect("it is JSON");
	assert_eq!(value["type"], line.record.kind());
	value
}

fn bill() -> Bill {
	Bill {
		account: "5Grw".into(),
		provenance: None,
		import: 0,
		export: u64::MAX,
		contracts: Contracts {
			receivable: Planck(u128::MAX),
			..Contracts::default()
		},
		split: Split::default(),
		prices: Prices::default(),
		amount: Owed(i128::MIN),
	}
}

#[test]
fn an_order_should_be_told_like_this() {
	let order = Line {
		event: Some(3),
		extrinsic: Some(2),
		..line(Record::Place {
			order: 17,
			who: "5Grw".into(),
			microgrid: 0,
			meter: 4,
			side: Side::Bid,
			period: 148_458_601,
			energy: 500,
			limit_price: 200_000,
			time_in_force: TimeInForce::GoodUntilGate,
			standing: false,
			replaces: None,
			call: 0,
		})
	};
	assert_eq!(
		told(order),
		json!({
			"block": 7, "event": 3, "extrinsic": 2, "type": "place", "order": 17, "who": "5Grw", "microgrid": 0,
			"meter": 4, "side": "bid", "period": 148_458_601, "energy": 500, "limitPrice": 200_000,
			"timeInForce": "goodUntilGate", "standing": false, "call": 0,
		})
	);
}

#[test]
fn money_should_be_text_to_the_planck() {
	let bill = told(line(Record::Statement {
		microgrid: 0,
		period: 1,
		meter: 2,
		bill: bill(),
	}));
	assert_eq!(bill["amount"], "-170141183460469231731687303715884105728");
	assert_eq!(
		bill["contracts"]["receivable"],
		"340282366920938463463374607431768211455"
	);
	assert_eq!(bill["export"], json!(u64::MAX));
	assert_eq!(bill["provenance"], Value::Null);
	for wrong in [json!("-1"), json!("1.5"), json!(""), json!(1)] {
		assert!(serde_json::from_value::<Planck>(wrong).is_err());
	}
}

#[test]
fn variants_should_be_told_like_this() {
	let terms = Terms {
		retail_price: 300_000,
		feed_in_price: 80_000,
		mechanism: Mechanism::CallAuction,
		price_floor: 1,
		price_cap: 2,
		min_quantity: 10,
		gate_closure: 0,
		fee: 3,
		residual: Residual::Pool { spread: 50_000 },
	};
	assert_eq!(
		told(line(Record::PeriodsOpened {
			microgrid: 0,
			first: 1,
			last: 2,
			terms,
		}))["terms"],
		json!({
			"retailPrice": 300_000, "feedInPrice": 80_000, "mechanism": "callAuction", "priceFloor": 1, "priceCap": 2,
			"minQuantity": 10, "gateClosure": 0, "fee": 3, "residual": {"pool": {"spread": 50_000}},
		})
	);
	assert_eq!(
		told(line(Record::Opening(Opening::Link {
			link: 0,
			operator: "5Grw".into(),
			terms: LinkTerms {
				from: 0,
				to: 1,
				loss: 50_000,
				capacity: 5,
				wheeling_fee: 6,
				min_quantity: 7,
			},
			stage: LinkStage::Open {
				first: 8,
				until: None,
			},
		}))),
		json!({
			"block": 7, "type": "opening", "of": "link", "link": 0, "operator": "5Grw",
			"terms": {"from": 0, "to": 1, "loss": 50_000, "capacity": 5, "wheelingFee": 6, "minQuantity": 7},
			"stage": {"open": {"first": 8, "until": null}},
		})
	);
	let kinds = [
		(json!("feeder"), json!(Kind::Feeder)),
		(
			json!({"storage": {"capacity": 5}}),
			json!(Kind::Storage { capacity: 5 }),
		),
		(json!({"fixed": 300}), json!(Quantity::Fixed(300))),
		(
			json!({"above": {"keep": 200, "most": null}}),
			json!(Quantity::Above {
				keep: 200,
				most: None
			}),
		),
		(json!("fund"), json!(Creditor::Fund)),
		(
			json!({"member": "5Grw"}),
			json!(Creditor::Member("5Grw".into())),
		),
		(json!("tariff"), json!(Residual::Tariff)),
		(
			json!({"proposed": {"awaits": 1}}),
			json!(LinkStage::Proposed { awaits: 1 }),
		),
	];
	for (expected, found) in kinds {
		assert_eq!(expected, found);
	}
}

/// Those whose fields are those of a part as well.
#[test]
fn flat_records_should_read_as_they_were_written() {
	let metered = Metered {
		microgrid: 0,
		period: 1,
		meter: 2,
		import: 3,
		export: 4,
		provenance: Provenance::Estimated,
	};
	let openings = [
		Opening::Metered(metered),
		Opening::Exchange {
			microgrid: 0,
			period: 1,
			exchange: Exchange::default(),
		},
		Opening::Settling {
			microgrid: 0,
			period: 1,
			pot: Planck(5),
			billed: vec![1, 2],
			summary: PeriodSummary::default(),
		},
	];
	let records = [
		Record::Metered(metered),
		Record::PeriodSettled {
			microgrid: 0,
			period: 1,
			summary: PeriodSummary::default(),
		},
		Record::TotalsClosed {
			meter: 2,
			totals: MeterTotals::default(),
		},
	];
	for record in openings.into_iter().map(Record::Opening).chain(records) {
		told(line(record));
	}
}

#[test]
fn every_kind_should_be_documented() {
	let docs = include_str!("../../../docs/journal.md");
	for (kind, _) in Record::KINDS {
		assert!(docs.contains(&format!("`{kind}`")), "{kind}");
	}
}
