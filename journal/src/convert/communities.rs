//! Communities, links, meters.

use gridweave_primitives::{microgrid::Terms, Be32};
use gridweave_runtime::Runtime;
use pallet_meter_registry::Event as Meters;
use pallet_microgrids::Event as Microgrids;

use super::Telling;
use crate::{
	parts::account,
	record::{Planck, Record},
	state::{read, Error, State},
};

impl<B: State, A: State> Telling<'_, B, A> {
	pub(super) fn microgrid(
		&mut self,
		at: usize,
		event: &pallet_microgrids::Event<Runtime>,
	) -> Result<(), Error> {
		let record = match event {
			Microgrids::MicrogridCreated {
				microgrid,
				operator,
				deposit: _,
				terms,
			} => Record::MicrogridCreated {
				microgrid: microgrid.0,
				operator: account(operator),
				terms: (*terms).into(),
			},
			Microgrids::TermsChanged {
				microgrid,
				from,
				terms,
			} => Record::TermsChanged {
				microgrid: microgrid.0,
				from: from.map(|from| from.0),
				terms: (*terms).into(),
			},
			Microgrids::OperatorOffered {
				microgrid,
				successor,
			} => Record::OperatorOffered {
				microgrid: microgrid.0,
				successor: account(successor),
			},
			Microgrids::OfferWithdrawn {
				microgrid,
				successor,
			} => Record::OfferWithdrawn {
				microgrid: microgrid.0,
				successor: account(successor),
			},
			Microgrids::OperatorChanged {
				microgrid,
				old,
				new,
			} => Record::OperatorChanged {
				microgrid: microgrid.0,
				old: account(old),
				new: account(new),
			},
			Microgrids::PeriodsOpened {
				microgrid,
				first,
				last,
			} => {
				// All that open at once have the same terms.
				let key = (Be32::from(*microgrid), Be32::from(*first));
				let key = pallet_microgrids::PeriodTerms::<Runtime>::hashed_key_for(key);
				let terms: Terms = read(self.after, "the terms of a period", key)?
					.ok_or_else(|| Error::Missing(format!("what period {first} opened with")))?;
				Record::PeriodsOpened {
					microgrid: microgrid.0,
					first: first.0,
					last: last.0,
					terms: terms.into(),
				}
			}
			Microgrids::PeriodsSkipped {
				microgrid,
				first,
				last,
			} => Record::PeriodsSkipped {
				microgrid: microgrid.0,
				first: first.0,
				last: last.0,
			},
			Microgrids::PeriodsPruned {
				microgrid,
				first,
				last,
			} => Record::PeriodsPruned {
				microgrid: microgrid.0,
				first: first.0,
				last: last.0,
			},
			Microgrids::LinkProposed {
				link,
				operator,
				terms,
				deposit: _,
			} => Record::LinkProposed {
				link: link.0,
				operator: account(operator),
				terms: (*terms).into(),
			},
			Microgrids::LinkOpened { link, first } => Record::LinkOpened {
				link: link.0,
				first: first.0,
			},
			Microgrids::LinkClosed { link, until } => Record::LinkClosed {
				link: link.0,
				until: until.0,
			},
			Microgrids::LinkRemoved { link } => Record::LinkRemoved { link: link.0 },
			// The phantom of the event's type parameter.
			_ => return Ok(()),
		};
		self.push(at, record);
		Ok(())
	}

	pub(super) fn meter(&mut self, at: usize, event: &pallet_meter_registry::Event<Runtime>) {
		let record = match event {
			Meters::MeterRegistered {
				meter,
				microgrid,
				owner,
				kind,
				modulus: _,
			} => Record::MeterRegistered {
				meter: meter.0,
				microgrid: microgrid.0,
				owner: account(owner),
				kind: (*kind).into(),
			},
			Meters::MeterAdmitted { meter, ratings } => Record::MeterAdmitted {
				meter: meter.0,
				max_import: ratings.max_import.0,
				max_export: ratings.max_export.0,
			},
			Meters::MeterOffered { meter, to } => Record::MeterOffered {
				meter: meter.0,
				to: to.as_ref().map(account),
			},
			Meters::MeterTransferred { meter, from, to } => Record::MeterTransferred {
				meter: meter.0,
				from: account(from),
				to: account(to),
			},
			Meters::MeterRetired { meter } => Record::MeterRetired { meter: meter.0 },
			Meters::MeterFreed {
				meter,
				owner,
				deposit,
			} => Record::MeterFreed {
				meter: meter.0,
				owner: account(owner),
				deposit: Planck(*deposit),
			},
			Meters::DepositSlashed {
				meter,
				owner,
				microgrid,
				amount,
			} => {
				self.touched.fund(*microgrid);
				Record::DepositSlashed {
					meter: meter.0,
					owner: account(owner),
					microgrid: microgrid.0,
					amount: Planck(*amount),
				}
			}
			// What readings are worth is told when it is settled.
			Meters::KeyRotated { .. }
			| Meters::ReadingsAccepted { .. }
			| Meters::ReadingsRelayed { .. }
			| Meters::EnergySuspended { .. }
			| Meters::RegisterRolledBack { .. } => return,
			_ => return,
		};
		self.push(at, record);
	}
}
