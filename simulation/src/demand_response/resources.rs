//! Who is measured as one: members alone, classes, groups, all of a feeder.

use crate::{community::Class, random::Seed};

use super::series::Series;

/// Sizes of groups that are drawn.
const GROUPS: [usize; 2] = [10, 50];

/// Fewest members of a class for which it is a resource.
const FEWEST: usize = 3;

/// What sort of resource one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
	/// A member alone.
	Single(Class),
	/// Any member alone.
	Alone,
	/// All members of a class.
	AllOf(Class),
	/// So many members without photovoltaics, drawn by lot.
	Group(usize),
	/// All members without photovoltaics.
	Consumers,
	/// All members without photovoltaics, heat pump or charger.
	Steady,
	/// All members of the feeder.
	Feeder,
}

impl Kind {
	/// What it is called.
	pub fn name(self) -> String {
		match self {
			Self::Single(class) => format!("one meter, {}", class.name()),
			Self::Alone => "one meter, any".into(),
			Self::AllOf(class) => format!("all: {}", class.name()),
			Self::Group(size) => format!("{size} without photovoltaics"),
			Self::Consumers => "all without photovoltaics".into(),
			Self::Steady => "all without photovoltaics, heat pump, charger".into(),
			Self::Feeder => "feeder: all".into(),
		}
	}
}

/// A resource: places of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
	/// What sort.
	pub kind: Kind,
	/// Who.
	pub members: Vec<usize>,
}

/// All resources of these members. Each is in as few groups of one size as there is room for: members that would
/// not fill a group are in none.
pub fn resources(series: &[Series], seed: Seed) -> Vec<Resource> {
	let mut all = Vec::new();
	for (place, series) in series.iter().enumerate() {
		for kind in [Kind::Single(series.class), Kind::Alone] {
			all.push(Resource {
				kind,
				members: vec![place],
			});
		}
	}
	for class in Class::ALL {
		let members = series.iter().enumerate();
		let members = members.filter(|(_, series)| series.class == class);
		let members: Vec<usize> = members.map(|(place, _)| place).collect();
		if members.len() >= FEWEST {
			all.push(Resource {
				kind: Kind::AllOf(class),
				members,
			});
		}
	}
	let consumes = |place: &usize| {
		series
			.get(*place)
			.is_some_and(|of| of.class != Class::Prosumer)
	};
	for size in GROUPS {
		let mut drawn = seed.of(size as u64).sample(series.len(), series.len());
		drawn.retain(consumes);
		all.extend(drawn.chunks_exact(size).map(|members| Resource {
			kind: Kind::Group(size),
			members: members.to_vec(),
		}));
	}
	all.push(Resource {
		kind: Kind::Consumers,
		members: (0..series.len()).filter(consumes).collect(),
	});
	let is_steady = |place: &usize| {
		series
			.get(*place)
			.is_some_and(|of| matches!(of.class, Class::Household | Class::Business | Class::Farm))
	};
	all.push(Resource {
		kind: Kind::Steady,
		members: (0..series.len()).filter(is_steady).collect(),
	});
	all.push(Resource {
		kind: Kind::Feeder,
		members: (0..series.len()).collect(),
	});
	all
}
