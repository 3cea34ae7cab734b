//! Invariants:
//!
//! 1. The clearing house holds at least all trading balances, funds, the pot under way, what is set aside for
//!    sellers over links, and what buyers from links have paid and nobody was paid yet.
//! 2. Nobody's locks exceed its balance; the margins of its positions do not exceed its locks.
//! 3. The trades of a community and period cancel out but for what goes over links: energy sold and not sent
//!    is energy bought and not received, and what is receivable and not set aside is payable and not paid;
//!    what is paid is what is noted as such (positions of a settlement under way are partly gone and left
//!    out).
//! 4. Positions are counted right, per meter.
//! 5. Arrears and claims are never zero, add up to their totals, and nobody has both in one community.
//! 6. An indebted operator is counted once per queue; no fund is zero; no trading balance is empty, and
//!    everybody has at most one: in the ledger, or at the page that is noted for its seat.
//! 7. Nothing is kept of a period before the oldest kept, or settled ahead of its turn.
//! 8. Pages whose members are paid are counted while a settlement collects, and only then.
//! 9. Profiles are of periods of the clock's day, and each was learnt from a day at least.

use alloc::collections::BTreeMap;

use frame_support::{ensure, traits::fungible::Inspect};
use gridweave_primitives::{
	traits::{MeterInspect, SettlementClock},
	Balance, Be32, Be64, MeterId, MicrogridId, Period,
};
use sp_runtime::TryRuntimeError;

use crate::{
	bill::signed,
	types::{Creditor, Stage},
	Arrears, ClaimIndex, ClaimQueues, Claims, Config, Current, Exchanges, Funds, Indebted, Ledger,
	PaidPages, Pallet, Positions, Profiles, SeatOf, Seats, Statements, Summaries, Totals, Transit,
};

fn add<K: Ord>(sums: &mut BTreeMap<K, Balance>, key: K, amount: Balance) {
	let sum = sums.entry(key).or_default();
	*sum = sum.saturating_add(amount);
}

impl<T: Config> Pallet<T> {
	/// Checks all invariants.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_money()?;
		Self::check_seats()?;
		Self::check_positions()?;
		Self::check_debts()?;
		Self::check_periods()
	}

	/// What the clearing house holds beyond all trading balances, funds, the pot under way, what is set aside
	/// for sellers over links and what buyers from links have paid: what was sent to it directly. `None` if it
	/// holds less than it should.
	pub fn stray() -> Option<Balance> {
		let owed = Self::members()
			.map(|(_, member)| member.balance)
			.chain(Funds::<T>::iter_values())
			.chain(Current::<T>::get().map(|job| job.till.pot))
			.chain(Exchanges::<T>::iter_values().map(|links| links.proceeds))
			.chain(core::iter::once(Transit::<T>::get()))
			.fold(0, Balance::saturating_add);
		T::Currency::total_balance(&Self::clearing_account()).checked_sub(owed)
	}

	/// What accounts owe in all, as their trading balances tell.
	fn owing() -> BTreeMap<T::AccountId, Balance> {
		Self::members()
			.filter(|(_, member)| member.owing > 0)
			.map(|(who, member)| (who, member.owing))
			.collect()
	}

	/// What positions lock, by account. The rest of each lock belongs to orders.
	pub fn locked_by_positions() -> BTreeMap<T::AccountId, Balance> {
		let mut locked = BTreeMap::new();
		for page in Positions::<T>::iter_values() {
			for (_, position) in page.iter() {
				add(&mut locked, position.owner.clone(), position.margin);
			}
		}
		locked.retain(|_, margin| *margin > 0);
		locked
	}

	fn check_money() -> Result<(), TryRuntimeError> {
		ensure!(
			Self::stray().is_some(),
			"the clearing house holds less than it owes"
		);
		for (_, member) in Self::members() {
			ensure!(
				member.locked <= member.balance,
				"locks exceed a trading balance"
			);
			ensure!(!member.is_empty(), "an empty trading balance is kept");
		}
		for (who, margin) in Self::locked_by_positions() {
			ensure!(
				margin <= Self::member(&who).locked,
				"a margin is not locked"
			);
		}
		for fund in Funds::<T>::iter_values() {
			ensure!(fund > 0, "an empty fund is kept");
		}
		Ok(())
	}

	fn check_seats() -> Result<(), TryRuntimeError> {
		let mut seated = BTreeMap::new();
		for (page, seats) in Seats::<T>::iter() {
			ensure!(!seats.is_empty(), "a page without members is kept");
			for seat in seats {
				ensure!(
					!Ledger::<T>::contains_key(&seat.account),
					"a member has two trading balances"
				);
				ensure!(
					seated.insert(seat.account, page).is_none(),
					"a member has two seats"
				);
			}
		}
		ensure!(
			seated == SeatOf::<T>::iter().collect(),
			"a seat is not noted, or noted and not taken"
		);
		Ok(())
	}

	fn check_positions() -> Result<(), TryRuntimeError> {
		let under_way =
			Current::<T>::get().map(|job| (Be32::from(job.till.microgrid), Be32::from(job.period)));
		let mut periods = BTreeMap::<_, (i128, i128, Balance)>::new();
		for ((microgrid, period, page), positions) in Positions::<T>::iter() {
			ensure!(!positions.is_empty(), "an empty page of positions is kept");
			let sum = periods.entry((microgrid, period)).or_default();
			for (slot, position) in positions.iter() {
				let info = T::Meters::meter(MeterId::at(page.get(), slot));
				ensure!(
					info.map(|info| Be32::from(info.microgrid)) == Some(microgrid),
					"a position that no page of its community would settle"
				);
				let contracts = position.contracts;
				sum.0 = sum
					.0
					.saturating_add(contracts.sold.0.into())
					.saturating_sub(contracts.bought.0.into());
				sum.1 = sum
					.1
					.saturating_add(signed(contracts.receivable))
					.saturating_sub(signed(contracts.payable));
				sum.2 = sum.2.saturating_add(contracts.paid);
			}
		}
		if let Some(key) = under_way {
			periods.remove(&key);
		}
		for (key, (energy, money, paid)) in &periods {
			let links = Exchanges::<T>::get(*key);
			let crossed = i128::from(links.sent.0).saturating_sub(links.received.0.into());
			ensure!(*energy == crossed, "energy sold is not energy bought");
			let crossed = signed(links.proceeds).saturating_sub(signed(links.payments));
			ensure!(*money == crossed, "what is receivable is not payable");
			ensure!(*paid == links.payments, "what is paid is not noted");
		}
		for (key, links) in Exchanges::<T>::iter() {
			ensure!(
				periods.contains_key(&key) && links != Default::default(),
				"an exchange of no positions"
			);
		}
		Ok(())
	}

	fn check_debts() -> Result<(), TryRuntimeError> {
		let mut owing = BTreeMap::new();
		for (who, microgrid, amount) in Arrears::<T>::iter() {
			ensure!(amount > 0, "empty arrears are kept");
			let claim =
				Self::claim_of(MicrogridId(microgrid.get()), &Creditor::Member(who.clone()));
			ensure!(
				claim == 0,
				"an account has arrears and a claim in one community"
			);
			add(&mut owing, who, amount);
		}
		ensure!(owing == Self::owing(), "arrears do not add up");

		let mut claimed = BTreeMap::new();
		let mut count = 0u32;
		for ((microgrid, index), claim) in Claims::<T>::iter() {
			ensure!(claim.amount > 0, "an empty claim is kept");
			ensure!(
				ClaimIndex::<T>::get(&claim.creditor, microgrid).map(Be64::from) == Some(index),
				"a claim is not where its creditor looks for it"
			);
			let queue = ClaimQueues::<T>::get(microgrid).ok_or("a claim without its queue")?;
			ensure!(
				(queue.first..queue.next).contains(&index.get()),
				"a claim lies outside its queue"
			);
			add(&mut claimed, microgrid, claim.amount);
			count = count.saturating_add(1);
		}
		ensure!(
			ClaimIndex::<T>::iter().count() == count as usize,
			"an index without its claim"
		);
		let mut indebted = BTreeMap::<_, u32>::new();
		for (microgrid, queue) in ClaimQueues::<T>::iter() {
			ensure!(queue.total > 0, "an empty queue is kept");
			ensure!(
				claimed.get(&microgrid) == Some(&queue.total),
				"claims do not add up"
			);
			let queues = indebted.entry(queue.debtor).or_default();
			*queues = queues.saturating_add(1);
		}
		ensure!(
			indebted == Indebted::<T>::iter().collect(),
			"indebted operators are miscounted"
		);
		Ok(())
	}

	fn check_periods() -> Result<(), TryRuntimeError> {
		let job = Current::<T>::get();
		for ((microgrid, period), sums) in Summaries::<T>::iter() {
			let progress = Self::progress(MicrogridId(microgrid.get()))
				.ok_or("a settled period of a community that never opened one")?;
			let period = Period(period.get());
			ensure!(
				progress.oldest <= period && period < progress.next,
				"a summary is kept too long or came too early"
			);
			ensure!(
				sums.balance() == 0,
				"the payments of a period do not sum to zero"
			);
		}
		for ((microgrid, period, _), page) in Statements::<T>::iter() {
			ensure!(!page.is_empty(), "an empty page of statements is kept");
			let current = job.as_ref().is_some_and(|job| {
				(Be32::from(job.till.microgrid), Be32::from(job.period)) == (microgrid, period)
			});
			ensure!(
				current || Summaries::<T>::contains_key((microgrid, period)),
				"statements outlive their period"
			);
		}
		let collected = job.as_ref().map(|job| match job.stage {
			Stage::Collect { page } => page,
			_ => 0,
		});
		ensure!(
			PaidPages::<T>::get().is_none_or(|paid| Some(paid) <= collected),
			"pages are paid that were not collected from"
		);
		let periods = T::Clock::clock().periods_per_day;
		for ((_, at), usual) in Profiles::<T>::iter() {
			ensure!(at.get() < periods, "a profile of no period of the day");
			ensure!(usual.days > 0, "a profile that was learnt from nothing");
		}
		for page in Totals::<T>::iter_values() {
			ensure!(!page.is_empty(), "an empty page of totals is kept");
		}
		Ok(())
	}
}
