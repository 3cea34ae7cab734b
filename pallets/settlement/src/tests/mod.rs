//! Tests, one file per concern.

mod budget;
mod corrections;
mod coupling;
mod debts;
mod expected;
mod formulas;
mod ledger;
mod links;
mod positions;
mod properties;
mod seats;
mod settling;
mod stepping;
