//! What those entrusted with it decide is done as root.
#![cfg_attr(not(feature = "std"), no_std)]
