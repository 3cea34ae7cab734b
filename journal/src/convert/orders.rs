//! Orders, trades, auctions.

use gridweave_primitives::LinkId;
use gridweave_runtime::{AccountId, Runtime};
use pallet_microgrids::Link;
use pallet_order_book::{
	coupling::{Carried, Net},
	Event as Orders,
};

use super::Telling;
use crate::{
	parts::{account, cancel_reason, error},
	record::{CoupledCommunity, CoupledLink, Planck, Record},
	state::{read, Error, State},
};

fn community(net: &Net) -> CoupledCommunity {
	CoupledCommunity {
		microgrid: net.microgrid.0,
		price: net.price.0,
		import: net.import.0,
		export: net.export.0,
	}
}

fn link(carried: &Carried<AccountId>) -> CoupledLink {
	CoupledLink {
		link: carried.link.0,
		sent: carried.sent.0,
		received: carried.received.0,
		wheeling_fee: Planck(carried.wheeling),
		earns: Planck(carried.earns),
	}
}

impl<B: State, A: State> Telling<'_, B, A> {
	pub(super) fn order(
		&mut self,
		at: usize,
		event: &pallet_order_book::Event<Runtime>,
	) -> Result<(), Error> {
		let record = match event {
			Orders::OrderPlaced {
				order_id,
				who,
				microgrid,
				order,
				standing,
			} => {
				self.touched.member(who);
				Record::Place {
					order: order_id.0,
					who: account(who),
					microgrid: microgrid.0,
					meter: order.meter.0,
					side: order.side.into(),
					period: order.period.0,
					energy: order.energy.0,
					limit_price: order.limit_price.0,
					time_in_force: order.time_in_force.into(),
					standing: *standing,
					replaces: self.replaced.take().map(|order| order.0),
					call: if *standing { 0 } else { self.calls },
				}
			}
			Orders::OrderRefused {
				who,
				index,
				error: reason,
			} => Record::OrderRefused {
				who: account(who),
				index: *index,
				error: error(*reason),
			},
			Orders::OrderCancelled {
				order_id,
				who,
				meter,
				energy,
				reason,
			} => {
				self.touched.member(who);
				let (order, who, meter, energy) = (order_id.0, account(who), meter.0, energy.0);
				match cancel_reason(*reason) {
					Ok(reason) => Record::Cancelled {
						order,
						who,
						meter,
						energy,
						reason,
					},
					Err(replaced) => {
						self.replaced = replaced.then_some(*order_id);
						Record::Cancel {
							order,
							who,
							meter,
							energy,
							replaced,
						}
					}
				}
			}
			Orders::OrderReduced {
				order_id,
				who,
				meter,
				remaining,
			} => {
				self.touched.member(who);
				Record::Reduce {
					order: order_id.0,
					who: account(who),
					meter: meter.0,
					remaining: remaining.0,
				}
			}
			Orders::Trade {
				microgrid,
				period,
				price,
				energy,
				taker,
				bid,
				buyer,
				buyer_meter,
				ask,
				seller,
				seller_meter,
			} => {
				self.touched.member(buyer);
				self.touched.member(seller);
				Record::Trade {
					microgrid: microgrid.0,
					period: period.0,
					price: price.0,
					energy: energy.0,
					taker: taker.map(Into::into),
					bid: bid.0,
					buyer: account(buyer),
					buyer_meter: buyer_meter.0,
					ask: ask.0,
					seller: account(seller),
					seller_meter: seller_meter.0,
				}
			}
			Orders::TradeOverLink {
				link,
				period,
				price,
				sent,
				received,
				value,
				wheeling_fee,
				taker,
				bid,
				buyer,
				buyer_meter,
				to,
				ask,
				seller,
				seller_meter,
				from,
			} => {
				self.touched.member(buyer);
				self.touched.member(seller);
				let operator = self.link(*link)?.operator;
				self.touched.member(&operator);
				Record::TradeOverLink {
					link: link.0,
					period: period.0,
					price: price.0,
					sent: sent.0,
					received: received.0,
					value: Planck(*value),
					wheeling_fee: Planck(*wheeling_fee),
					taker: (*taker).into(),
					bid: bid.0,
					buyer: account(buyer),
					buyer_meter: buyer_meter.0,
					to: to.0,
					ask: ask.0,
					seller: account(seller),
					seller_meter: seller_meter.0,
					from: from.0,
				}
			}
			Orders::AuctionCleared {
				microgrid,
				period,
				price,
				volume,
			} => Record::AuctionCleared {
				microgrid: microgrid.0,
				period: period.0,
				price: price.0,
				volume: volume.0,
			},
			Orders::AuctionAbandoned {
				microgrid,
				period,
				left,
				error: reason,
			} => Record::AuctionAbandoned {
				microgrid: microgrid.0,
				period: period.0,
				left: left.0,
				error: error(*reason),
			},
			Orders::CouplingAccepted {
				who,
				period,
				gain,
				nets,
				carried,
			} => Record::Coupled {
				period: period.0,
				who: account(who),
				gain: Planck(*gain),
				communities: nets.iter().map(community).collect(),
				links: carried.iter().map(link).collect(),
			},
			Orders::CoupledFill {
				microgrid,
				period,
				side,
				price,
				energy,
				order_id,
				who,
				meter,
			} => {
				self.touched.member(who);
				Record::CoupledFill {
					microgrid: microgrid.0,
					period: period.0,
					side: (*side).into(),
					price: price.0,
					energy: energy.0,
					order: order_id.0,
					who: account(who),
					meter: meter.0,
				}
			}
			Orders::LinkCarried {
				link,
				period,
				sent,
				received,
				operator,
				earned,
			} => {
				self.touched.member(operator);
				Record::LinkCarried {
					link: link.0,
					period: period.0,
					sent: sent.0,
					received: received.0,
					operator: account(operator),
					earned: Planck(*earned),
				}
			}
			Orders::ImportsReturned {
				microgrid,
				period,
				operator,
				amount,
			} => {
				self.touched.member(operator);
				Record::ImportsReturned {
					microgrid: microgrid.0,
					period: period.0,
					operator: account(operator),
					amount: Planck(*amount),
				}
			}
			Orders::CouplingAbandoned {
				period,
				error: reason,
			} => Record::CouplingAbandoned {
				period: period.0,
				error: error(*reason),
			},
			Orders::MarketClosed {
				microgrid,
				period,
				market,
			} => Record::MarketClosed {
				microgrid: microgrid.0,
				period: period.0,
				market: (*market).into(),
			},
			Orders::StandingOrderSet {
				who,
				meter,
				side,
				instruction,
			} => Record::StandingOrderSet {
				who: account(who),
				meter: meter.0,
				side: (*side).into(),
				limit_price: instruction.limit_price.0,
				quantity: instruction.quantity.into(),
			},
			Orders::StandingOrderEnded {
				who,
				meter,
				side,
				reason,
			} => Record::StandingOrderEnded {
				who: account(who),
				meter: meter.0,
				side: (*side).into(),
				reason: (*reason).into(),
			},
			Orders::StandingOrderRefused {
				who,
				meter,
				side,
				period,
				error: reason,
			} => Record::StandingOrderRefused {
				who: account(who),
				meter: meter.0,
				side: (*side).into(),
				period: period.0,
				error: error(*reason),
			},
			Orders::StandingOrdersSkipped {
				microgrid,
				period,
				orders,
			} => Record::StandingOrdersSkipped {
				microgrid: microgrid.0,
				period: period.0,
				orders: *orders,
			},
			_ => return Ok(()),
		};
		self.push(at, record);
		Ok(())
	}

	/// A link that energy went over: it is there at the end of the block, or was before.
	fn link(&self, link: LinkId) -> Result<Link<AccountId>, Error> {
		let key = pallet_microgrids::Links::<Runtime>::hashed_key_for(link);
		let found = match read(self.after, "a link", key.clone())? {
			Some(found) => Some(found),
			None => read(self.before, "a link", key)?,
		};
		found.ok_or_else(|| Error::Missing(format!("link {link}")))
	}
}
