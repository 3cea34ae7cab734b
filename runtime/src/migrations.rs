//! What runs on a runtime upgrade. Spec version 1 is the first: nothing yet.
//!
//! How an upgrade goes is rehearsed all the same, with a runtime of a higher version and a migration of its own:
//! [`rehearsal`].

#[cfg(any(feature = "std", feature = "rehearsal"))]
pub mod rehearsal;

/// Migrations of a single block, in order.
pub type SingleBlockMigrations = ();

/// Migrations that take several blocks, in order. While one is under way blocks take no transactions.
#[cfg(not(feature = "rehearsal"))]
pub type MultiBlockMigrations = ();
/// Migrations that take several blocks, in order. While one is under way blocks take no transactions.
#[cfg(feature = "rehearsal")]
pub type MultiBlockMigrations = (rehearsal::CheaperMeters,);
