//! What runs once on a runtime upgrade. Spec version 1 is the first: nothing yet.

/// Migrations of a single block, in order.
pub type SingleBlockMigrations = ();
