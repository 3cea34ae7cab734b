//! What runs on a runtime upgrade. Spec version 1 is the first: nothing yet.

/// Migrations of a single block, in order.
pub type SingleBlockMigrations = ();

/// Migrations that take several blocks, in order. While one is under way blocks take no transactions.
pub type MultiBlockMigrations = ();
