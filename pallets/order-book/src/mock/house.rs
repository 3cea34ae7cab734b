//! The clearing house: a small ledger in storage.

use frame_support::storage_alias;
use gridweave_primitives::{
	cost,
	market::{Party, Trade},
	traits::{Clearing, OnTrade},
	Balance, MeterId, Period, Price,
};
use sp_runtime::{DispatchError, DispatchResult};

use super::{AccountId, InArrears, MostTrades};

/// What a member has free, locked for orders, and locked as margins of trades.
#[storage_alias]
pub type Accounts =
	StorageMap<Prefix, frame_support::Identity, AccountId, (Balance, Balance, Balance)>;

/// What buyers from links have paid, and nobody was paid yet.
#[storage_alias]
pub type Pot = StorageValue<Prefix, Balance, frame_support::pallet_prelude::ValueQuery>;

/// What sellers to links get.
#[storage_alias]
pub type Proceeds = StorageValue<Prefix, Balance, frame_support::pallet_prelude::ValueQuery>;

/// How many orders have traded with links.
#[storage_alias]
pub type LinkFills = StorageValue<Prefix, u32, frame_support::pallet_prelude::ValueQuery>;

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

	fn on_import(_: Period, buyer: Party<AccountId>, amount: Balance) -> DispatchResult {
		let margin = cost(buyer.fee, buyer.energy);
		with_links(&buyer, margin, amount)?;
		Pot::mutate(|pot| *pot += amount);
		Ok(())
	}

	fn on_export(
		_: Period,
		seller: Party<AccountId>,
		amount: Balance,
		retail_price: Price,
	) -> DispatchResult {
		let worst = cost(retail_price.saturating_add(seller.fee), seller.energy);
		with_links(&seller, worst.saturating_sub(amount), 0)?;
		let pot = Pot::get().checked_sub(amount).expect("buyers have paid");
		Pot::put(pot);
		Proceeds::mutate(|proceeds| *proceeds += amount);
		Ok(())
	}

	fn pay_of_imports(who: &AccountId, amount: Balance) {
		let pot = Pot::get().checked_sub(amount).expect("buyers have paid");
		Pot::put(pot);
		account(*who, |(free, ..)| *free += amount);
	}

	fn imports_unpaid() -> Balance {
		Pot::get()
	}
}

/// Turns what an order had locked into a margin and what is paid.
fn with_links(party: &Party<AccountId>, margin: Balance, paid: Balance) -> DispatchResult {
	if LinkFills::get() as usize >= MostTrades::get() {
		return Err(DispatchError::Other("trade refused"));
	}
	LinkFills::mutate(|fills| *fills += 1);
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
	Ok(())
}
