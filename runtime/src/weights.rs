//! Measured weights.
