//! Communities, their periods, and links between them.

use super::{types::*, *};

impl Model {
	/// Takes a deposit from an account, which keeps its existential deposit.
	pub fn hold(&mut self, who: Who, amount: Planck, error: Refusal) -> Outcome {
		let account = self.accounts.entry(who).or_default();
		if *account < amount + EXISTENTIAL {
			return Err(error);
		}
		*account -= amount;
		Ok(())
	}

	pub fn release(&mut self, who: Who, amount: Planck) {
		*self.accounts.entry(who).or_default() += amount;
	}

	fn operated(&self, who: Who, grid: Grid) -> Outcome<bool> {
		let community = self.grids.get(grid as usize).ok_or("UnknownMicrogrid")?;
		Ok(community.operator == who)
	}

	fn check_operator(&self, who: Who, grid: Grid) -> Outcome {
		match self.operated(who, grid)? {
			true => Ok(()),
			false => Err("NotOperator"),
		}
	}

	fn check_terms(terms: &Terms) -> Outcome {
		let bound = 1 << 40;
		if [terms.retail, terms.cap, terms.fee]
			.iter()
			.any(|price| *price >= bound)
		{
			return Err("PriceOutOfBounds");
		}
		if terms.feed_in == 0 || terms.feed_in > terms.retail {
			return Err("FeedInPriceOutOfBounds");
		}
		if terms.floor == 0 || terms.floor > terms.cap {
			return Err("PriceFloorOutOfBounds");
		}
		if terms.least == 0 || terms.least >= 1 << 32 {
			return Err("MinQuantityOutOfBounds");
		}
		if terms.gate_closure >= HORIZON {
			return Err("GateBeyondHorizon");
		}
		Ok(())
	}

	pub fn create_grid(&mut self, operator: Who, terms: Terms, out: &mut Vec<Rec>) -> Outcome {
		Self::check_terms(&terms)?;
		self.hold(operator, GRID_DEPOSIT, "DepositUnavailable")?;
		let grid = self.grids.len() as Grid;
		self.grids
			.push(Community::new(operator, terms, GRID_DEPOSIT));
		out.push(Rec::GridCreated {
			grid,
			operator,
			terms,
			deposit: GRID_DEPOSIT,
		});
		Ok(())
	}

	pub fn set_terms(&mut self, who: Who, grid: Grid, terms: Terms, out: &mut Vec<Rec>) -> Outcome {
		self.check_operator(who, grid)?;
		Self::check_terms(&terms)?;
		self.grid_mut(grid).terms = terms;
		out.push(Rec::TermsChanged { grid, terms });
		Ok(())
	}

	pub fn offer_operator(&mut self, who: Who, grid: Grid, to: Who, out: &mut Vec<Rec>) -> Outcome {
		self.check_operator(who, grid)?;
		if who == to {
			return Err("AlreadyOperator");
		}
		self.grid_mut(grid).offered = Some(to);
		out.push(Rec::OperatorOffered { grid, to });
		Ok(())
	}

	pub fn withdraw_offer(&mut self, who: Who, grid: Grid, out: &mut Vec<Rec>) -> Outcome {
		self.check_operator(who, grid)?;
		let to = self.grid_mut(grid).offered.take().ok_or("NotOffered")?;
		out.push(Rec::OfferWithdrawn { grid, to });
		Ok(())
	}

	pub fn accept_operator(&mut self, who: Who, grid: Grid, out: &mut Vec<Rec>) -> Outcome {
		self.operated(who, grid)?;
		if self.grid(grid).offered != Some(who) {
			return Err("NotOffered");
		}
		self.hold(who, GRID_DEPOSIT, "DepositUnavailable")?;
		let community = self.grid_mut(grid);
		let (old, deposit) = (community.operator, community.deposit);
		(community.operator, community.deposit, community.offered) = (who, GRID_DEPOSIT, None);
		self.release(old, deposit);
		out.push(Rec::OperatorChanged {
			grid,
			old,
			new: who,
		});
		Ok(())
	}

	/// The first period that a community has not opened.
	fn unopened(&self, grid: Grid) -> Period {
		self.grid(grid).until.unwrap_or(self.current())
	}

	pub fn propose_link(&mut self, who: Who, terms: LinkTerms, out: &mut Vec<Rec>) -> Outcome {
		for (bad, error) in [
			(terms.from == terms.to, "LinkToItself"),
			(terms.loss >= 500_000, "LossOutOfBounds"),
			(
				terms.capacity == 0 || terms.capacity >= 1 << 32,
				"CapacityOutOfBounds",
			),
			(terms.wheeling >= 1 << 40, "WheelingFeeOutOfBounds"),
			(
				terms.least == 0 || terms.least > quote::arrives(terms.loss, terms.capacity),
				"LinkQuantityOutOfBounds",
			),
		] {
			if bad {
				return Err(error);
			}
		}
		let awaits = match (
			self.operated(who, terms.from)?,
			self.operated(who, terms.to)?,
		) {
			(true, true) => None,
			(true, false) => Some(terms.to),
			(false, true) => Some(terms.from),
			(false, false) => return Err("NotOperator"),
		};
		if self.accounts.get(&who).copied().unwrap_or(0) < LINK_DEPOSIT + EXISTENTIAL {
			return Err("DepositUnavailable");
		}
		if awaits.is_none() {
			self.may_open(&terms)?;
		}
		self.hold(who, LINK_DEPOSIT, "DepositUnavailable")?;
		let no = self.next_link;
		self.next_link += 1;
		out.push(Rec::LinkProposed {
			link: no,
			operator: who,
			terms,
			deposit: LINK_DEPOSIT,
		});
		let stage = LinkStage::Proposed {
			awaits: awaits.unwrap_or(terms.to),
		};
		self.links.insert(
			no,
			Link {
				terms,
				operator: who,
				stage,
			},
		);
		if awaits.is_none() {
			self.open_link(no, out);
		}
		Ok(())
	}

	/// One link from the one to the other at a time, and so many of each direction.
	fn may_open(&self, terms: &LinkTerms) -> Outcome {
		let agreed = || {
			let open = |link: &&Link| matches!(link.stage, LinkStage::Open { .. });
			self.links.values().filter(open)
		};
		let lasting = |link: &Link| matches!(link.stage, LinkStage::Open { until: None, .. });
		if agreed()
			.any(|link| link.terms.from == terms.from && link.terms.to == terms.to && lasting(link))
		{
			return Err("AlreadyLinked");
		}
		let out = agreed()
			.filter(|link| link.terms.from == terms.from)
			.count();
		let into = agreed().filter(|link| link.terms.to == terms.to).count();
		if out >= MAX_LINKS || into >= MAX_LINKS {
			return Err("TooManyLinks");
		}
		Ok(())
	}

	fn open_link(&mut self, no: LinkNo, out: &mut Vec<Rec>) {
		let LinkTerms { from, to, .. } = self.links[&no].terms;
		let first = self.unopened(from).max(self.unopened(to));
		self.links.get_mut(&no).expect("known").stage = LinkStage::Open { first, until: None };
		out.push(Rec::LinkOpened { link: no, first });
	}

	pub fn accept_link(&mut self, who: Who, no: LinkNo, out: &mut Vec<Rec>) -> Outcome {
		let link = self.links.get(&no).ok_or("UnknownLink")?.clone();
		let LinkStage::Proposed { awaits } = link.stage else {
			return Err("NotProposed");
		};
		if self.grid(awaits).operator != who {
			return Err("NotOperator");
		}
		self.may_open(&link.terms)?;
		self.open_link(no, out);
		Ok(())
	}

	pub fn close_link(&mut self, who: Who, no: LinkNo, out: &mut Vec<Rec>) -> Outcome {
		let link = self.links.get(&no).ok_or("UnknownLink")?.clone();
		let LinkTerms { from, to, .. } = link.terms;
		let mut parties = [
			link.operator,
			self.grid(from).operator,
			self.grid(to).operator,
		]
		.into_iter();
		if !parties.any(|party| party == who) {
			return Err("NotOperator");
		}
		let until = self.unopened(from).max(self.unopened(to));
		match link.stage {
			LinkStage::Open { until: Some(_), .. } => return Err("AlreadyClosed"),
			LinkStage::Open { first, until: None } if until > first => {
				self.links.get_mut(&no).expect("known").stage = LinkStage::Open {
					first,
					until: Some(until),
				};
				out.push(Rec::LinkClosed { link: no, until });
			}
			// A proposal, or open for no period.
			_ => {
				self.links.remove(&no);
				self.release(link.operator, LINK_DEPOSIT);
				out.push(Rec::LinkRemoved { link: no });
			}
		}
		Ok(())
	}

	/// A closed link is gone when both sides have pruned its last period.
	pub fn is_over(&self, no: LinkNo) -> bool {
		let Some(link) = self.links.get(&no) else {
			return false;
		};
		let LinkStage::Open {
			until: Some(until), ..
		} = link.stage
		else {
			return false;
		};
		[link.terms.from, link.terms.to].into_iter().all(|grid| {
			self.grid(grid)
				.open
				.keys()
				.next()
				.is_some_and(|kept| *kept >= until)
		})
	}

	pub fn register(
		&mut self,
		owner: Who,
		grid: Grid,
		kind: Kind,
		no: MeterNo,
		out: &mut Vec<Rec>,
	) -> Outcome {
		self.operated(owner, grid)?;
		let meter = meters::Meter::new(owner, grid, kind);
		self.meters.insert(no, meter);
		out.push(Rec::MeterRegistered {
			meter: no,
			grid,
			owner,
			kind,
		});
		Ok(())
	}

	/// What is held for a meter's registration, of which the model only knows what it was told.
	pub fn note_deposit(&mut self, no: MeterNo, deposit: Planck) {
		let meter = self.meters.get_mut(&no).expect("registered");
		let (owner, before) = (meter.owner, std::mem::replace(&mut meter.deposit, deposit));
		assert_eq!(before, 0, "it was released");
		*self.accounts.get_mut(&owner).expect("it pays") -= deposit;
	}

	pub fn admit(
		&mut self,
		who: Who,
		no: MeterNo,
		ratings: Ratings,
		out: &mut Vec<Rec>,
	) -> Outcome {
		let meter = self.meters.get(&no).ok_or("UnknownMeter")?;
		self.check_operator(who, meter.grid)?;
		if meter.retired {
			return Err("MeterIsRetired");
		}
		let over = |power: u32| u128::from(power) * u128::from(self.clock.length) / 3_600;
		if over(ratings.import) >= 1 << 32 || over(ratings.export) >= 1 << 32 {
			return Err("RatingTooHigh");
		}
		let lower = ratings.import < meter.ratings.import || ratings.export < meter.ratings.export;
		if lower && self.is_committed(no) {
			return Err("HasCommitments");
		}
		let now = self.now;
		let meter = self.meters.get_mut(&no).expect("known");
		meter.admitted.get_or_insert(now);
		meter.former = meter.since_latest().map(|former| (former, now));
		meter.ratings = ratings;
		out.push(Rec::MeterAdmitted { meter: no, ratings });
		Ok(())
	}

	pub fn retire(&mut self, who: Who, no: MeterNo, out: &mut Vec<Rec>) -> Outcome {
		let meter = self.meters.get(&no).ok_or("UnknownMeter")?.clone();
		if meter.owner != who && !self.operated(who, meter.grid)? {
			return Err("NotOwnerNorOperator");
		}
		if meter.retired {
			return Err("MeterIsRetired");
		}
		if self.is_committed(no) {
			return Err("HasCommitments");
		}
		out.push(Rec::MeterRetired { meter: no });
		if meter.latest.is_none() {
			self.free_meter(no, out);
			return Ok(());
		}
		let meter = self.meters.get_mut(&no).expect("known");
		(meter.retired, meter.retired_at) = (true, Some(self.now));
		Ok(())
	}

	/// Frees what is kept for a meter.
	pub fn free_meter(&mut self, no: MeterNo, out: &mut Vec<Rec>) {
		let meter = self.meters.remove(&no).expect("known");
		if let Some(totals) = self.totals.remove(&no) {
			out.push(Rec::TotalsClosed { meter: no, totals });
		}
		self.release(meter.owner, meter.deposit);
		out.push(Rec::MeterFreed {
			meter: no,
			owner: meter.owner,
			deposit: meter.deposit,
		});
	}

	pub fn offer_meter(
		&mut self,
		who: Who,
		no: MeterNo,
		to: Option<Who>,
		out: &mut Vec<Rec>,
	) -> Outcome {
		let meter = self.meters.get_mut(&no).ok_or("UnknownMeter")?;
		if meter.owner != who {
			return Err("NotOwner");
		}
		if meter.retired {
			return Err("MeterIsRetired");
		}
		meter.offered = to;
		out.push(Rec::MeterOffered { meter: no, to });
		Ok(())
	}

	pub fn accept_meter(&mut self, who: Who, no: MeterNo, out: &mut Vec<Rec>) -> Outcome {
		let meter = self.meters.get(&no).ok_or("UnknownMeter")?;
		if meter.offered != Some(who) {
			return Err("NotOffered");
		}
		if meter.retired {
			return Err("MeterIsRetired");
		}
		if self.is_committed(no) {
			return Err("HasCommitments");
		}
		let meter = self.meters.get_mut(&no).expect("known");
		let (from, deposit) = (meter.owner, std::mem::take(&mut meter.deposit));
		(meter.owner, meter.offered) = (who, None);
		self.release(from, deposit);
		out.push(Rec::MeterTransferred {
			meter: no,
			from,
			to: who,
		});
		Ok(())
	}
}
