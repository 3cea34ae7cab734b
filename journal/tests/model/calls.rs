//! What a call comes to: whether it is refused, and what happens.

use super::{types::*, *};

impl Model {
	/// Applies a call of an account; `None`: of the chain's governance, or an authority. `new`: the id of the meter that
	/// the chain has given, if it registers one.
	pub fn call(
		&mut self,
		who: Option<Who>,
		call: &Call,
		new: Option<MeterNo>,
	) -> (Outcome, Vec<Rec>) {
		let mut out = Vec::new();
		let result = self.apply(who, call, new, &mut out);
		if result.is_err() {
			assert!(
				out.is_empty(),
				"what is refused leaves nothing behind: {out:?}"
			);
		}
		(result, out)
	}

	fn apply(
		&mut self,
		who: Option<Who>,
		call: &Call,
		new: Option<MeterNo>,
		out: &mut Vec<Rec>,
	) -> Outcome {
		match (who, call) {
			(None, Call::CreateGrid { operator, terms }) => {
				self.create_grid(*operator, *terms, out)
			}
			(
				None,
				Call::SpendFund {
					grid,
					beneficiary,
					amount,
				},
			) => self.spend_fund(*grid, *beneficiary, *amount, out),
			(None, Call::Readings(readings)) => {
				let (accepted, stale, deferred) = self.read(readings, out);
				out.push(Rec::Readings {
					accepted,
					stale,
					deferred,
				});
				Ok(())
			}
			(None, _) => Err("BadOrigin"),
			(Some(who), call) => self.apply_signed(who, call, new, out),
		}
	}

	fn apply_signed(
		&mut self,
		who: Who,
		call: &Call,
		new: Option<MeterNo>,
		out: &mut Vec<Rec>,
	) -> Outcome {
		match call {
			Call::CreateGrid { .. } | Call::SpendFund { .. } | Call::Readings(_) => {
				Err("BadOrigin")
			}
			Call::SetTerms { grid, terms } => self.set_terms(who, *grid, *terms, out),
			Call::OfferOperator { grid, to } => self.offer_operator(who, *grid, *to, out),
			Call::WithdrawOffer { grid } => self.withdraw_offer(who, *grid, out),
			Call::AcceptOperator { grid } => self.accept_operator(who, *grid, out),
			Call::ProposeLink(terms) => self.propose_link(who, *terms, out),
			Call::AcceptLink(link) => self.accept_link(who, *link, out),
			Call::CloseLink(link) => self.close_link(who, *link, out),
			Call::Register { grid, kind, .. } => match new {
				Some(meter) => self.register(who, *grid, *kind, meter, out),
				None => Err("UnknownMicrogrid"),
			},
			Call::Admit { meter, ratings } => self.admit(who, *meter, *ratings, out),
			Call::Retire(meter) => self.retire(who, *meter, out),
			Call::OfferMeter { meter, to } => self.offer_meter(who, *meter, *to, out),
			Call::AcceptMeter(meter) => self.accept_meter(who, *meter, out),
			Call::Place(order) => self.place(who, order, &mut 0, MAX_FILLS, None, out),
			Call::PlaceMany(orders) => {
				if orders.is_empty() {
					return Err("EmptyBatch");
				}
				let mut fills = 0;
				for (index, order) in (0..).zip(orders) {
					let done = out.len();
					if let Err(error) = self.place(who, order, &mut fills, MAX_FILLS, None, out) {
						assert_eq!(out.len(), done, "what is refused leaves nothing behind");
						out.push(Rec::Refused {
							who,
							index,
							error: error.into(),
						});
					}
				}
				Ok(())
			}
			Call::Cancel(order) => self.cancel(who, *order, Reason::Cancelled, out).map(|_| ()),
			Call::Reduce { order, energy } => self.reduce(who, *order, *energy, out),
			Call::Replace {
				order,
				energy,
				limit,
			} => self.replace(who, *order, *energy, *limit, out),
			Call::SetStanding {
				meter,
				side,
				limit,
				quantity,
			} => self.set_standing(who, *meter, *side, *limit, *quantity, out),
			Call::CancelStanding { meter, side } => self.cancel_standing(who, *meter, *side, out),
			Call::TopUp(amount) => self.top_up(who, *amount, out),
			Call::Withdraw(amount) => self.withdraw(who, *amount, out),
			Call::PayArrears { grid, amount } => self.pay_arrears(who, *grid, *amount, out),
		}
	}
}
