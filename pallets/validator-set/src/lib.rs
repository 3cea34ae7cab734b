//! Who makes and finalises blocks.
#![cfg_attr(not(feature = "std"), no_std)]
