//! What clients are told.

use gridweave_primitives::{EventId, ProgrammeId, ResourceId};

use crate::mock::*;

#[test]
fn lists_should_come_by_the_page() {
	run(|| {
		let village = village(terms(), 3);
		let other = open(terms(), BUDGET);
		let all = DemandResponse::api_programmes(ProgrammeId(0), 10);
		let ids: Vec<_> = all.iter().map(|(id, _)| *id).collect();
		assert_eq!(ids, [village.programme, other]);
		assert_eq!(DemandResponse::api_programmes(other, 10).len(), 1);
		assert_eq!(DemandResponse::api_programmes(ProgrammeId(0), 1).len(), 1);

		let resources =
			|from, count| DemandResponse::api_resources(village.programme, ResourceId(from), count);
		assert_eq!(resources(0, 10).len(), 3);
		assert_eq!(resources(1, 10).len(), 2);
		assert_eq!(resources(1, 1)[0].0, village.resources[1]);

		let event = announce(village.programme, at(THIRD_MONDAY, 4), 1);
		let second = announce(village.programme, at(THIRD_MONDAY, 5), 1);
		assert_eq!(DemandResponse::api_events(EventId(0), 10).len(), 2);
		assert_eq!(DemandResponse::api_events(second, 10)[0].0, second);
		assert_eq!(DemandResponse::open_events(), 2);
		settle(second);
		assert_eq!(DemandResponse::open_events(), 0);
		let reports = |from, count| DemandResponse::api_reports(event, ResourceId(from), count);
		assert_eq!(reports(0, 10).len(), 3);
		assert_eq!(reports(1, 10).len(), 2);
		assert_eq!(reports(2, 10)[0].0, village.resources[2]);
	});
}

#[test]
fn the_expected_load_should_be_that_of_like_days() {
	run(|| {
		let village = village(terms(), 1);
		for day in [8, 11, 12, 13, 14, 15] {
			assert!(day % 7 != 2 && day % 7 != 3);
		}
		let load = |from, count| {
			DemandResponse::expected_load(village.programme, village.meters[0], from, count)
		};
		assert_eq!(load(at(THIRD_MONDAY, 0), 3), [Some(1_000); 3]);
		// Two days of a weekend are too few.
		assert_eq!(load(at(16, 7), 1), [None]);
		assert_eq!(load(at(THIRD_MONDAY, 0), 1_000).len(), 96);
		let stranger = add_meter(9);
		assert_eq!(
			DemandResponse::expected_load(village.programme, stranger, at(THIRD_MONDAY, 0), 3),
			[]
		);
	});
}
