//! What this node sees of those who make blocks: who misses turns, and who makes two blocks in one.

pub mod equivocations;
pub mod turns;
