//! What operators see: metrics, health, and the end.

use std::sync::atomic::Ordering;

use super::*;

#[tokio::test]
async fn metrics_should_count_what_happened() {
	let gateway = Gateway::start(true).await;
	let signed = sign(reading(1, 1));
	gateway
		.post_scale(&[signed.clone(), signed, sign_by(2, reading(1, 2))])
		.await;
	gateway.post("text/plain", vec![1]).await;
	gateway.page("").await;
	let text = gateway.get("/metrics").await.text().await.unwrap();
	let lines = [
		"received_total 3",
		"stored_total 1",
		"duplicates_total 1",
		"refused_total{reason=\"bad_signature\"} 1",
		"refused_total{reason=\"content_type\"} 1",
		"served_total 1",
		"stored 1",
		"node_connected 0",
	];
	for line in lines {
		assert!(
			text.contains(&format!("\ngridweave_gateway_{line}\n")),
			"{line} is not in {text}"
		);
	}
	assert!(text.contains("gridweave_gateway_fsync_seconds_count"));
	assert!(text.contains("gridweave_gateway_oldest_age_seconds"));
}

#[tokio::test]
async fn health_should_tell_whether_readings_can_be_taken() {
	let gateway = Gateway::start(true).await;
	let answer = gateway.get("/health").await;
	assert_eq!(answer.status(), StatusCode::OK);
	let health: Value = answer.json().await.unwrap();
	assert_eq!(
		(&health["status"], &health["store"]["ok"]),
		(&json!("offline"), &json!(true))
	);
	assert_eq!(health["node"]["connected"], json!(false));

	let gateway = Gateway::start(false).await;
	let answer = gateway.get("/health").await;
	assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
	assert_eq!(answer.json::<Value>().await.unwrap()["status"], "unhealthy");
	let (status, answer) = gateway.post_scale(&[sign(reading(1, 1))]).await;
	assert_eq!(
		(status, &answer["error"]["code"]),
		(StatusCode::SERVICE_UNAVAILABLE, &json!("no_node"))
	);
}

#[tokio::test]
async fn a_stopped_gateway_should_end_and_free_its_store() {
	let gateway = Gateway::start(true).await;
	gateway.post_scale(&[sign(reading(1, 1))]).await;
	gateway.stop.send(true).unwrap();
	tokio::time::timeout(SOON, gateway.served)
		.await
		.unwrap()
		.unwrap()
		.unwrap();
	let metrics = Arc::new(Metrics::new().unwrap());
	let store = Store::open(&gateway.folder.path().join("store"), LIMITS, metrics).unwrap();
	assert_eq!(store.state().await.unwrap().0, 1);
}

#[tokio::test]
async fn a_node_that_is_not_the_store_s_should_be_told_of_as_such() {
	let (stored, found) = (GENESIS, H256([9; 32]));
	let number = 7;
	let cases = [
		(StoreError::WrongChain { stored, found }, "wrong_chain"),
		(
			StoreError::AnotherRun {
				number,
				stored,
				found,
			},
			"another_run",
		),
	];
	for (refused, code) in cases {
		let chain = FakeChain {
			refused: Some(refused),
			..FakeChain::knowing([(1, Known::Key(key_at(1, 1)))])
		};
		let gateway = Gateway::of(chain).await;
		gateway
			.expect_problem(StatusCode::SERVICE_UNAVAILABLE, code)
			.await;
		let health = gateway.get("/health").await;
		assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
		// What is kept is served on.
		assert!(gateway.page("").await.readings.is_empty());
	}
}

#[tokio::test]
async fn a_gateway_should_end_with_an_error_when_its_disk_fails() {
	let metrics = Arc::new(Metrics::new().unwrap());
	let (store, broken) = breakable(metrics.clone());
	let chain = FakeChain::knowing([(1, Known::Key(key_at(1, 1)))]);
	let gateway = Gateway::with(store, chain, metrics, Default::default()).await;
	let (status, _) = gateway.post_scale(&[sign(reading(1, 1))]).await;
	assert_eq!(status, StatusCode::CREATED);
	broken.store(true, Ordering::SeqCst);
	// Its answer may be lost when the gateway ends.
	let post = gateway.try_post("application/octet-stream", sign(reading(1, 2)).encode());
	if let Ok((status, answer)) = post.await {
		assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
		assert_eq!(answer["error"]["code"], "store");
	}
	let ended = tokio::time::timeout(SOON, gateway.served).await.unwrap();
	let error = ended.unwrap().unwrap_err();
	assert_eq!(error.to_string(), "the store failed");
}

#[tokio::test]
async fn a_gateway_should_end_with_an_error_when_a_task_ends() {
	let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
	let fixture = Fixture::new(LIMITS);
	let (store, metrics) = (fixture.store.clone(), fixture.metrics.clone());
	let keys = Keys::new(Arc::new(FakeChain::default()), None);
	let commands = Commands::new(metrics.clone());
	let app = App::new(
		store.clone(),
		keys,
		commands,
		OpenAdr::new(Scope::default()),
		Arc::default(),
		metrics,
	);
	let mut tasks = JoinSet::new();
	tasks.spawn(async { panic!("on purpose") });
	let (_stop, stopped) = watch::channel(false);
	let served = attend(listener, Default::default(), app, store, tasks, stopped);
	let ended = tokio::time::timeout(SOON, served).await.unwrap();
	assert!(ended.is_err());
}

#[tokio::test]
async fn errors_of_the_store_should_have_codes_of_their_own() {
	let cases = [
		(StoreError::Busy, "busy"),
		(StoreError::Closed, "stopping"),
		(StoreError::NotWritten, "store"),
		(StoreError::Disk("gone".into()), "store"),
	];
	for (error, code) in cases {
		let chain = FakeChain {
			refused: Some(error),
			..Default::default()
		};
		let gateway = Gateway::of(chain).await;
		gateway
			.expect_problem(StatusCode::SERVICE_UNAVAILABLE, code)
			.await;
	}
}
