//! The clearing house: a small ledger in storage.

use frame_support::storage_alias;
use gridweave_primitives::{
	market::Trade,
	traits::{Clearing, OnTrade},
	Balance, MeterId,
};
use sp_runtime::{DispatchError, DispatchResult};

use super::{AccountId, InArrears, MostTrades};

/// What a member has free, locked for orders, and locked as margins of trades.
#[storage_alias]
pub type Accounts =
	StorageMap<Prefix, frame_support::Identity, AccountId, (Balance, Balance, Balance)>;

/// All trades.
#[storage_alias]
pub type Trades = StorageValue<Prefix, Vec<Trade<AccountId>>>;

fn account(who: AccountId, change: impl FnOnce(&mut (Balance, Balance, Balance))) {
	let mut entry = Accounts::get(who).unwrap_or_default();
	change(&mut entry);
	Accounts::insert(who, entry);
}

pub struct House;

impl Clearing<AccountId> for House {
	fn lock(who: &AccountId, _: MeterId, amount: Balance) -> DispatchResult {
		let (free, locked, margin) = Accounts::get(who).unwrap_or_default();
		let free = free
			.checked_sub(amount)
			.ok_or(DispatchError::Other("no funds"))?;
		Accounts::insert(who, (free, locked + amount, margin));
		Ok(())
	}

	fn unlock(who: &AccountId, _: MeterId, amount: Balance) {
		account(*who, |(free, locked, _)| {
			*locked = locked
				.checked_sub(amount)
				.expect("never more than was locked");
			*free += amount;
		});
	}

	fn may_buy(who: &AccountId, _: MeterId) -> Result<(), DispatchError> {
		match InArrears::get().contains(who) {
			true => Err(DispatchError::Other("arrears")),
			false => Ok(()),
		}
	}
}

impl OnTrade<AccountId> for House {
	fn on_trade(trade: Trade<AccountId>) -> DispatchResult {
		if Trades::decode_len().unwrap_or(0) >= MostTrades::get() {
			return Err(DispatchError::Other("trade refused"));
		}
		let margins = [
			(&trade.buyer, trade.buyer_margin(), trade.paid_at_once()),
			(&trade.seller, trade.seller_margin(), 0),
		];
		for (party, margin, paid) in margins {
			account(party.account, |(free, locked, margins)| {
				*locked = locked
					.checked_sub(party.released)
					.expect("released what was locked");
				*free += party
					.released
					.checked_sub(margin + paid)
					.expect("locks cover margins");
				*margins += margin;
			});
		}
		if let Some(wheeling) = &trade.wheeling {
			account(wheeling.operator, |(free, ..)| *free += wheeling.fee);
		}
		Trades::append(trade);
		Ok(())
	}
}
