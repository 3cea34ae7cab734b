//! Configuration of the pallets, one file per concern. Constants stand beside their use.

pub mod consensus;
pub mod council;
pub mod energy;
pub mod governance;
pub mod monetary;
pub mod system;
