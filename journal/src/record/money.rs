//! Money in JSON: a decimal string, for numbers there are exact up to 2⁵³ only.

use core::{fmt::Display, str::FromStr};

use serde::{de::Error, Deserialize, Deserializer, Serialize, Serializer};

/// An amount, in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planck(pub u128);

/// An amount that somebody gets, or owes if it is negative; in planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owed(pub i128);

fn parse<'de, D: Deserializer<'de>, N: FromStr<Err: Display>>(from: D) -> Result<N, D::Error> {
	String::deserialize(from)?.parse().map_err(D::Error::custom)
}

impl Serialize for Planck {
	fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
		to.collect_str(&self.0)
	}
}

impl<'de> Deserialize<'de> for Planck {
	fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
		parse(from).map(Self)
	}
}

impl Serialize for Owed {
	fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
		to.collect_str(&self.0)
	}
}

impl<'de> Deserialize<'de> for Owed {
	fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
		parse(from).map(Self)
	}
}
