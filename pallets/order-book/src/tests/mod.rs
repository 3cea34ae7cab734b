//! One file per concern.

mod auction;
mod auction_model;
mod availability;
mod batch;
mod call_auction;
mod coupled;
mod coupling;
mod dealings;
mod gate;
mod linked;
mod links;
mod links_random;
mod matching;
mod model;
mod open_orders;
mod placing;
mod quarantine;
mod reference;
mod removals;
mod standing;
mod standing_execution;
mod standing_model;
mod standing_rounds;
mod turns;
mod views;
