//! What resources did.

use super::*;

#[tokio::test]
async fn reports_should_be_told_of_paid_events_by_the_page() {
	let gateway = told_by(&node(120)).await;
	let names = |event: u32, resources: std::ops::Range<u32>| -> Vec<String> {
		resources
			.map(|resource| format!("report-{event}-{resource}"))
			.collect()
	};
	assert_eq!(gateway.list("/reports").await, names(11, 0..50));
	let across = [names(11, 110..120), names(10, 0..40)].concat();
	assert_eq!(gateway.list("/reports?skip=110").await, across);
	assert_eq!(
		gateway.list("/reports?skip=235&limit=10").await,
		names(10, 115..120)
	);
	assert_eq!(gateway.list("/reports?skip=240").await.len(), 0);
	assert_eq!(
		gateway.list("/reports?eventID=event-10&limit=3").await,
		names(10, 0..3)
	);
	assert_eq!(
		gateway
			.list("/reports?programID=programme-6&skip=100")
			.await,
		names(11, 100..120)
	);
	let of_one = gateway.list("/reports?clientName=resource-7").await;
	assert_eq!(of_one, ["report-11-7", "report-10-7"]);
	for nobody in [
		"clientName=resource-120",
		"clientName=somebody",
		"eventID=event-12",
		"limit=0",
	] {
		assert_eq!(
			gateway.list(&format!("/reports?{nobody}")).await.len(),
			0,
			"{nobody}"
		);
	}
	let (_, report) = gateway.openadr("/reports/report-10-7").await;
	assert_eq!(
		(&report["eventID"], &report["clientName"]),
		(&json!("event-10"), &json!("resource-7"))
	);
	let (status, _) = gateway.openadr("/reports/report-12-7").await;
	assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn too_many_questions_should_not_be_asked_for_one_answer() {
	let node = node(1);
	node.set(|state| {
		let events = (100..200).map(|id| (id, event(5, PERIOD - 50, Stage::Done)));
		state.facts.as_mut().unwrap().events.extend(events);
	});
	let gateway = told_by(&node).await;
	let (status, problem) = gateway.openadr("/reports?clientName=resource-9").await;
	assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
	let mut questions = (0, 0);
	node.set(|state| questions = state.questions);
	assert_eq!(questions.1, 64);
	assert_eq!(
		gateway
			.list("/reports?eventID=event-10&clientName=resource-0")
			.await
			.len(),
		1
	);
}
