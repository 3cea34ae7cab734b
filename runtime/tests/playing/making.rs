//! Makes calls by their types, as the metadata tells them to anybody: encoded first, then decoded as the runtime does.

use codec::{Compact, Decode, Encode};
use gridweave_primitives::{traits::SettlementClock, Be32, MeterId};
use gridweave_runtime::{
	genesis::development_terms, Balance, Microgrids, Runtime, RuntimeCall, System, GRID,
};
use pallet_collective::Instance1;
use scale_info::{form::PortableForm, Field, PortableRegistry, TypeDef, TypeDefPrimitive};
use sp_core::H256;

use super::{Source, Start, NEVER};

/// How deep calls carry calls.
const MAX_DEPTH: u32 = 3;

/// Of the pallets that this project wrote for energy calls are made more often than of others.
pub const OWN: [&str; 6] = [
	"Microgrids",
	"MeterRegistry",
	"OrderBook",
	"Settlement",
	"AnomalyFlags",
	"DemandResponse",
];

/// Makes one call. Looks at the state: within externalities.
pub struct Maker<'a, 'b> {
	start: &'a Start,
	types: &'a PortableRegistry,
	source: &'a mut Source<'b>,
	out: Vec<u8>,
	depth: u32,
	/// The meter that the call names.
	pub meter: Option<MeterId>,
}

impl<'a, 'b> Maker<'a, 'b> {
	pub fn new(start: &'a Start, source: &'a mut Source<'b>) -> Self {
		Self {
			start,
			types: &start.types,
			source,
			out: Vec::new(),
			depth: 0,
			meter: None,
		}
	}

	/// A call; none if what was made does not decode, as lists that are too long do not.
	pub fn make(&mut self) -> Option<RuntimeCall> {
		self.call();
		let mut bytes = &self.out[..];
		let call = RuntimeCall::decode(&mut bytes).ok()?;
		assert!(bytes.is_empty(), "made more than a call: {call:?}");
		Some(call)
	}

	fn call(&mut self) {
		self.depth += 1;
		let begin = self.out.len();
		if self.depth > MAX_DEPTH || !self.any_call() {
			self.out.truncate(begin);
			let remark = Vec::new();
			RuntimeCall::System(frame_system::Call::remark { remark }).encode_to(&mut self.out);
		}
		self.depth -= 1;
	}

	/// Makes whichever call; false if it is one that must not be made.
	fn any_call(&mut self) -> bool {
		let types = self.types;
		let calls = types.resolve(self.start.call_type).expect("registered");
		let TypeDef::Variant(pallets) = &calls.type_def else {
			panic!("calls are an enumeration");
		};
		let own = self.source.byte() < 150;
		let pallets: Vec<_> = pallets
			.variants
			.iter()
			.filter(|pallet| !own || OWN.contains(&pallet.name.as_str()))
			.collect();
		let pallet = self.source.one_of(&pallets);
		let calls = types.resolve(pallet.fields[0].ty.id).expect("registered");
		let TypeDef::Variant(calls) = &calls.type_def else {
			panic!("a pallet's calls are an enumeration");
		};
		// Pallets may have none.
		if calls.variants.is_empty() {
			return false;
		}
		let call = &calls.variants[self.source.below(calls.variants.len())];
		let name = (pallet.name.as_str(), call.name.as_str());
		if NEVER
			.iter()
			.any(|(pallet, call, _)| (*pallet, *call) == name)
		{
			return false;
		}
		self.out.extend([pallet.index, call.index]);
		self.fields(&call.fields);
		true
	}

	fn fields(&mut self, fields: &'a [Field<PortableForm>]) {
		for field in fields {
			self.value(field.ty.id, field.name.as_deref().unwrap_or_default());
		}
	}

	/// A value of this type, under this name.
	fn value(&mut self, id: u32, name: &str) {
		let ty = self.types.resolve(id).expect("registered");
		match ty.path.segments.last().map(String::as_str) {
			Some("RuntimeCall") => return self.call(),
			Some("AccountId32") => return self.account(),
			Some("MultiAddress") => {
				self.out.push(0);
				return self.account();
			}
			Some("H256") => return self.hash(),
			Some("Terms") if self.source.byte() < 200 => {
				return development_terms().encode_to(&mut self.out)
			}
			_ => (),
		}
		match &ty.type_def {
			TypeDef::Composite(composite) => match self.known(&ty.path.segments) {
				Some(number) => self.put(number, composite.fields[0].ty.id),
				None => self.fields(&composite.fields),
			},
			TypeDef::Variant(variant) if variant.variants.is_empty() => (),
			TypeDef::Variant(variant) => {
				let chosen = &variant.variants[self.source.below(variant.variants.len())];
				self.out.push(chosen.index);
				self.fields(&chosen.fields);
			}
			TypeDef::Sequence(sequence) => {
				let length = match self.source.byte() {
					length @ 0..=239 => usize::from(length) % 4,
					length => usize::from(length),
				};
				// Long lists are of bytes, which take little of the source.
				let length = match self.width(sequence.type_param.id) {
					Some(1) => length * 8,
					_ => length.min(12),
				};
				Compact(u32::try_from(length).expect("short")).encode_to(&mut self.out);
				for _ in 0..length {
					self.value(sequence.type_param.id, "");
				}
			}
			TypeDef::Array(array) => {
				// One byte fills bytes: nobody guesses keys and signatures.
				if self.width(array.type_param.id) == Some(1) {
					let byte = self.source.byte();
					self.out.extend((0..array.len).map(|_| byte));
				} else {
					(0..array.len).for_each(|_| self.value(array.type_param.id, ""));
				}
			}
			TypeDef::Tuple(tuple) => {
				for field in &tuple.fields {
					self.value(field.id, "");
				}
			}
			TypeDef::Compact(compact) => {
				let inner = compact.type_param.id;
				let (number, bytes) = self.compact(inner, name);
				Compact(cut(number, bytes)).encode_to(&mut self.out);
			}
			TypeDef::BitSequence(_) => self.out.push(0),
			TypeDef::Primitive(TypeDefPrimitive::Bool) => {
				let bit = self.source.byte() & 1;
				self.out.push(bit);
			}
			TypeDef::Primitive(TypeDefPrimitive::Str) => self.out.push(0),
			TypeDef::Primitive(_) => {
				let bytes = self.width(id).expect("a number");
				let number = self.number(name, bytes);
				self.put(number, id);
			}
		}
	}

	/// The number behind a compact one, and how many bytes it may take.
	fn compact(&mut self, id: u32, name: &str) -> (u128, usize) {
		let ty = self.types.resolve(id).expect("registered");
		match &ty.type_def {
			TypeDef::Composite(composite) => {
				let inner = composite.fields[0].ty.id;
				match self.known(&ty.path.segments) {
					Some(number) => (number, self.width(inner).expect("a number")),
					None => self.compact(inner, name),
				}
			}
			TypeDef::Tuple(_) => (0, 0),
			_ => {
				let bytes = self.width(id).expect("a number");
				(self.number(name, bytes), bytes)
			}
		}
	}

	/// How many bytes a number of this type takes.
	fn width(&self, id: u32) -> Option<usize> {
		use TypeDefPrimitive::*;
		match self.types.resolve(id)?.type_def {
			TypeDef::Primitive(U8 | I8) => Some(1),
			TypeDef::Primitive(U16 | I16) => Some(2),
			TypeDef::Primitive(U32 | I32 | Char) => Some(4),
			TypeDef::Primitive(U64 | I64) => Some(8),
			TypeDef::Primitive(U128 | I128) => Some(16),
			TypeDef::Primitive(U256 | I256) => Some(32),
			_ => None,
		}
	}

	fn put(&mut self, number: u128, id: u32) {
		let bytes = self.width(id).expect("a number");
		let mut encoded = cut(number, bytes).to_le_bytes().to_vec();
		encoded.resize(bytes, 0);
		self.out.extend(encoded);
	}

	/// A number of a type of this project, that means something.
	fn known(&mut self, path: &[String]) -> Option<u128> {
		let (crate_name, name) = (path.first()?.as_str(), path.last()?.as_str());
		let wild = self.source.byte() > 240;
		let number = match name {
			"Permill" => u128::from(self.source.byte()) * 4_000 % 1_000_001,
			"Perbill" => u128::from(self.source.byte()) * 4_000_000 % 1_000_000_001,
			_ if crate_name != "gridweave_primitives" => return None,
			"MeterId" if !wild => self.meter(),
			"MicrogridId" if !wild => self.source.byte() as u128 % 3,
			"LinkId" | "ProgrammeId" | "ResourceId" | "EventId" if !wild => {
				self.source.byte() as u128 % 4
			}
			"OrderId" if !wild => self.order(),
			"Period" if !wild => {
				let now = <Microgrids as SettlementClock>::current().0;
				let ahead = self.source.byte() % 110;
				u128::from(now.saturating_add(ahead.into()).saturating_sub(8))
			}
			"Price" if !wild => self.source.one_of(&[
				0, 1, 79_999, 80_000, 100_000, 150_000, 200_000, 300_000, 1_000_000,
			]),
			"WattHours" if !wild => {
				self.source
					.one_of(&[0, 1, 10, 100, 500, 1_000, 2_500, 40_000, 1 << 40])
			}
			"Watts" if !wild => self.source.one_of(&[0, 1, 1_500, 10_000, 1_000_000]),
			"MeterId" | "MicrogridId" | "LinkId" | "ProgrammeId" | "ResourceId" | "EventId"
			| "OrderId" | "Period" | "Price" | "WattHours" | "Watts" => {
				self.source
					.one_of(&[u128::MAX, u128::MAX - 1, 1 << 31, 1 << 63])
			}
			_ => return None,
		};
		Some(number)
	}

	fn meter(&mut self) -> u128 {
		let mut meters: Vec<_> = pallet_meter_registry::Meters::<Runtime>::iter_keys().collect();
		meters.sort();
		meters.push(Be32::from(5));
		let meter = self.source.one_of(&meters).get();
		self.meter = Some(MeterId(meter));
		meter.into()
	}

	/// An order that rests, if there is one; its meter is named with it.
	fn order(&mut self) -> u128 {
		let orders: Vec<_> = pallet_order_book::MeterDealings::<Runtime>::iter()
			.flat_map(|(meter, dealings)| {
				let orders = dealings.orders.into_iter();
				orders.map(move |order| (meter, order))
			})
			.collect();
		if orders.is_empty() {
			return 0;
		}
		let (meter, order) = self.source.one_of(&orders);
		self.meter = Some(MeterId(meter.get()));
		order.0.into()
	}

	fn account(&mut self) {
		let members = &self.start.members;
		match usize::from(self.source.byte()) {
			250.. => self.out.extend([self.source.byte(); 32]),
			index => members[index % members.len()].0.encode_to(&mut self.out),
		}
	}

	/// Of a motion, of the first block, of a remark, or of nothing.
	fn hash(&mut self) {
		let mut hashes = pallet_collective::Proposals::<Runtime, Instance1>::get().into_inner();
		hashes.push(System::block_hash(0));
		hashes.push(sp_io::hashing::blake2_256(&[]).into());
		hashes.push(H256::repeat_byte(self.source.byte()));
		let hash = self.source.one_of(&hashes);
		hash.encode_to(&mut self.out);
	}

	fn number(&mut self, name: &str, bytes: usize) -> u128 {
		let small = |byte: u8| u128::from(byte % 8);
		let most = u128::MAX >> (128 - 8 * bytes.min(16));
		let kind = self.source.byte();
		match (name, kind) {
			("from" | "until" | "captured_at" | "admitted_at", 0..=219) => {
				let now = u128::from(pallet_timestamp::Now::<Runtime>::get() / 1_000);
				(now + u128::from(self.source.byte())).saturating_sub(30)
			}
			("when" | "height" | "delay" | "number", 0..=219) => {
				u128::from(System::block_number()) + small(self.source.byte())
			}
			(_, 0..=99) if bytes == 16 => GRID * (1 + Balance::from(self.source.byte())),
			(_, 0..=149) => small(self.source.byte()),
			(_, 150..=189) => self.source.byte().into(),
			(_, 190..=209) => 10u128.saturating_pow(self.source.byte() as u32 % 39),
			(_, 210..=229) => self.source.number(bytes.min(16)),
			_ => most - u128::from(self.source.byte() % 3),
		}
	}
}

/// What of a number fits into so many bytes.
fn cut(number: u128, bytes: usize) -> u128 {
	match bytes {
		0 => 0,
		1..=15 => number & (u128::MAX >> (128 - 8 * bytes)),
		_ => number,
	}
}
