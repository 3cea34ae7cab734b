//! Commands to devices, as the chain stores them.

use std::collections::HashMap;

use anyhow::Result;
use codec::{Compact, Decode};
use gridweave_primitives::MeterId;
use sp_core::H256;
use subxt::ext::{
	scale_decode::{self, DecodeAsType},
	scale_value::{Composite, Primitive, Value, ValueDef},
};
use tracing::warn;

use super::{entry, RpcNode};
use crate::{
	command::{Action, Command},
	server::commands::{book::Given, plan::Mark},
};

/// The pallet that keeps them.
const PALLET: &str = "DemandResponse";

/// The commands of a page of meters, by their slots.
pub type CommandPage = Vec<(u8, Given)>;

impl RpcNode {
	/// See [`super::Node::mark`].
	pub(super) async fn read_mark(&self, at: H256) -> Result<Mark> {
		let at = self.client.at_block(at).await?;
		let keys = [
			entry(&at, "Timestamp", "Now")?.0,
			entry(&at, PALLET, "NextNonce")?.0,
			entry(&at, PALLET, "Issuing")?.0,
		];
		let values: HashMap<_, _> = self.values(&at, &keys).await?.into_iter().collect();
		let [now, nonce, issuing] = keys.map(|key| values.get(&key));
		// What was never written has its default: before its first block a chain has no time, either.
		let ms = now.map_or(Ok(0), |now| u64::decode(&mut &now[..]))?;
		let nonce = nonce.map_or(Ok(0), |nonce| u32::decode(&mut &nonce[..]))?;
		let issuing = issuing.map_or(Ok(Compact(0)), |issues| {
			Compact::<u32>::decode(&mut &issues[..])
		})?;
		Ok(Mark {
			nonce,
			issuing: issuing.0 > 0,
			now: ms / 1_000,
		})
	}

	/// See [`super::Node::commands`].
	pub(super) async fn read_commands(
		&self,
		at: H256,
		pages: Vec<u32>,
	) -> Result<Vec<(u32, CommandPage)>> {
		let at = self.client.at_block(at).await?;
		let (prefix, value_type) = entry(&at, PALLET, "CommandPages")?;
		// The map's keys are big-endian and not hashed, so that neighbours are neighbours.
		let key = |page: &u32| [&prefix[..], &page.to_be_bytes()].concat();
		let keys: Vec<Vec<u8>> = pages.iter().map(key).collect();
		let values: HashMap<_, _> = self.values(&at, &keys).await?.into_iter().collect();
		let types = at.metadata_ref().types();
		let mut read = Vec::with_capacity(pages.len());
		for (page, key) in pages.into_iter().zip(keys) {
			let value = values.get(&key).map_or(&[0][..], |value| value);
			match Vec::<(u8, Stored)>::decode_as_type(&mut &value[..], value_type, types) {
				Ok(stored) => read.push((page, of_page(page, stored))),
				// Such as of a chain that keeps them otherwise: what is known stays.
				Err(error) => warn!("commands of page {page} of meters cannot be read: {error}"),
			}
		}
		Ok(read)
	}
}

/// The commands of a page. One with an action that this program does not know, for the chain is newer, is left out:
/// nothing can be told of it, and what its device was told before is void.
fn of_page(page: u32, stored: Vec<(u8, Stored)>) -> CommandPage {
	let known = |(slot, stored): (u8, Stored)| {
		let meter = MeterId::at(page, slot);
		let given = stored.given(meter);
		if given.is_none() {
			warn!(
				"meter {meter} is told {}, which this gateway does not know",
				stored.action
			);
		}
		Some((slot, given?))
	};
	stored.into_iter().filter_map(known).collect()
}

/// A command, decoded by the chain's metadata.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
struct Stored {
	nonce: u32,
	// As the chain has it: actions may be added.
	action: Value,
	from: u64,
	until: u64,
	event: Option<u32>,
	acknowledged: Option<u64>,
}

impl Stored {
	/// What it tells a meter, if that is known.
	fn given(&self, meter: MeterId) -> Option<Given> {
		let (action, watts) = action(&self.action)?;
		Some(Given {
			command: Command {
				meter: meter.0,
				nonce: self.nonce,
				action,
				watts,
				from: self.from,
				until: self.until,
				event: self.event,
			},
			acknowledged: self.acknowledged,
		})
	}
}

/// An action and its power; `None` if it is none of those known.
fn action(value: &Value) -> Option<(Action, Option<u32>)> {
	let ValueDef::Variant(variant) = &value.value else {
		return None;
	};
	let (action, limits) = match variant.name.as_str() {
		"LimitImport" => (Action::LimitImport, true),
		"Charge" => (Action::Charge, false),
		"Discharge" => (Action::Discharge, false),
		"Curtail" => (Action::Curtail, true),
		"Release" => (Action::Release, false),
		_ => return None,
	};
	// Also one of these may be told more by then: that would not be the same.
	match (limits, only(&variant.values)) {
		(true, Some(value)) => Some((action, Some(number(value)?))),
		(false, None) if variant.values.is_empty() => Some((action, None)),
		_ => None,
	}
}

/// The value of a composite of one.
fn only(values: &Composite<()>) -> Option<&Value> {
	let mut values = values.values();
	let first = values.next()?;
	values.next().is_none().then_some(first)
}

/// A number, however often it is wrapped.
fn number(value: &Value) -> Option<u32> {
	match &value.value {
		ValueDef::Primitive(Primitive::U128(number)) => u32::try_from(*number).ok(),
		ValueDef::Composite(values) => number(only(values)?),
		_ => None,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Encode;
	use gridweave_primitives::{EventId, Watts};
	use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};
	use sp_core::{bounded::BoundedVec, ConstU32};

	/// As the pallet stores it.
	#[derive(Clone, Copy, Debug, Encode, TypeInfo)]
	enum ChainAction {
		LimitImport(Watts),
		Charge,
		Discharge,
		Curtail(Watts),
		Release,
	}

	#[derive(Clone, Debug, Encode, TypeInfo)]
	struct ChainCommand {
		nonce: u32,
		action: ChainAction,
		from: u64,
		until: u64,
		event: Option<EventId>,
		acknowledged: Option<u64>,
	}

	#[test]
	fn commands_should_be_read_by_the_chain_s_own_types() {
		type Page = BoundedVec<(u8, ChainCommand), ConstU32<32>>;
		let mut registry = Registry::new();
		let id = registry.register_type(&MetaType::new::<Page>()).id;
		let registry = PortableRegistry::from(registry);
		let actions = [
			(
				ChainAction::LimitImport(Watts(7)),
				Action::LimitImport,
				Some(7),
			),
			(ChainAction::Charge, Action::Charge, None),
			(ChainAction::Discharge, Action::Discharge, None),
			(ChainAction::Curtail(Watts(0)), Action::Curtail, Some(0)),
			(ChainAction::Release, Action::Release, None),
		];
		let stored = actions.iter().zip(0u8..).map(|((action, _, _), slot)| {
			let command = ChainCommand {
				nonce: 9,
				action: *action,
				from: 1,
				until: 2,
				event: (slot % 2 == 0).then_some(EventId(3)),
				acknowledged: (slot % 2 == 1).then_some(4),
			};
			(slot, command)
		});
		let page: Page = stored.collect::<Vec<_>>().try_into().unwrap();
		let read =
			Vec::<(u8, Stored)>::decode_as_type(&mut &page.encode()[..], id, &registry).unwrap();
		let read = of_page(2, read);
		assert_eq!(read.len(), 5);
		for ((slot, given), (_, action, watts)) in read.into_iter().zip(actions) {
			let expected = Command {
				meter: 64 + u32::from(slot),
				nonce: 9,
				action,
				watts,
				from: 1,
				until: 2,
				event: (slot % 2 == 0).then_some(3),
			};
			assert_eq!(given.command, expected);
			assert_eq!(given.acknowledged, (slot % 2 == 1).then_some(4));
		}
		let none = Vec::<(u8, Stored)>::decode_as_type(&mut &[0u8][..], id, &registry).unwrap();
		assert!(none.is_empty());
	}

	/// As a later runtime might: with actions that are new, or tell more.
	#[derive(Clone, Copy, Debug, Encode, TypeInfo)]
	enum LaterAction {
		Hold { percent: u8, watts: Watts },
		Charge,
		Discharge(Watts),
		Curtail(Watts, u64),
		LimitImport { watts: Watts },
	}

	#[test]
	fn actions_that_are_not_known_should_be_left_out_and_their_neighbours_told() {
		#[derive(Encode, TypeInfo)]
		struct Later {
			nonce: u32,
			action: LaterAction,
			from: u64,
			until: u64,
			event: Option<EventId>,
			acknowledged: Option<u64>,
		}
		let mut registry = Registry::new();
		let id = registry
			.register_type(&MetaType::new::<Vec<(u8, Later)>>())
			.id;
		let registry = PortableRegistry::from(registry);
		let watts = Watts(7);
		let actions = [
			LaterAction::Hold { percent: 3, watts },
			LaterAction::Charge,
			LaterAction::Discharge(watts),
			LaterAction::Curtail(watts, 1),
			LaterAction::LimitImport { watts },
		];
		let later = |action| Later {
			nonce: 9,
			action,
			from: 1,
			until: 2,
			event: None,
			acknowledged: None,
		};
		let page: Vec<(u8, Later)> = (0u8..).zip(actions.map(later)).collect();
		let stored =
			Vec::<(u8, Stored)>::decode_as_type(&mut &page.encode()[..], id, &registry).unwrap();
		assert_eq!(stored.len(), 5);
		let told: Vec<_> = of_page(0, stored)
			.into_iter()
			.map(|(slot, given)| (slot, given.command.action, given.command.watts))
			.collect();
		assert_eq!(
			told,
			[(1, Action::Charge, None), (4, Action::LimitImport, Some(7))]
		);
	}
}
