//! What clients bring.

use super::*;

#[tokio::test]
async fn nothing_should_be_taken_from_clients() {
	let gateway = told_by(&node(0)).await;
	let url = |path: &str| format!("{}{BASE}{path}", gateway.url);
	let report = json!({"programID": "programme-5", "eventID": "event-12", "clientName": "a", "resources": []});
	let posted = gateway
		.client
		.post(url("/reports"))
		.json(&report)
		.send()
		.await
		.unwrap();
	assert_eq!(posted.status(), StatusCode::FORBIDDEN);
	let problem: Value = posted.json().await.unwrap();
	assert_eq!(problem["title"], "Forbidden");
	for (path, status, title) in [
		(
			"/programs",
			StatusCode::METHOD_NOT_ALLOWED,
			"Method Not Allowed",
		),
		(
			"/events",
			StatusCode::METHOD_NOT_ALLOWED,
			"Method Not Allowed",
		),
		("/vens", StatusCode::NOT_FOUND, "Not Found"),
		("/subscriptions", StatusCode::NOT_FOUND, "Not Found"),
	] {
		let posted = gateway
			.client
			.post(url(path))
			.json(&json!({}))
			.send()
			.await
			.unwrap();
		assert_eq!(posted.status(), status, "{path}");
		let problem: Value = posted.json().await.unwrap();
		assert_eq!(problem["title"], title, "{path}");
	}
	// What only begins alike is another's.
	let other = gateway.try_get("/openadr3/3.0.10/programs").await.unwrap();
	let problem: Value = other.json().await.unwrap();
	assert_eq!(problem["error"]["code"], "not_found");
}

#[tokio::test]
async fn whoever_asks_for_a_token_should_get_one_that_changes_nothing() {
	let gateway = told_by(&node(0)).await;
	let url = format!("{}{BASE}/auth/token", gateway.url);
	let form = "application/x-www-form-urlencoded";
	let ask = |kind: &'static str, body: String| {
		let request = gateway
			.client
			.post(&url)
			.header(CONTENT_TYPE, kind)
			.body(body);
		async move {
			let answer = request.send().await.unwrap();
			let status = answer.status();
			let path = format!("{BASE}/auth/token");
			expect_described("post", &path, status, answer.headers().get(CONTENT_TYPE));
			(status, answer.json::<Value>().await.unwrap())
		}
	};
	let credentials =
		"grant_type=client_credentials&client_id=a&client_secret=b%20%26&scope=read_all";
	for body in [credentials, "grant_type=client_credentials"] {
		let (status, token) = ask(form, body.into()).await;
		assert_eq!(status, StatusCode::OK, "{token}");
		assert_eq!(
			(&token["token_type"], &token["scope"]),
			(&json!("Bearer"), &json!("read_all"))
		);
		let token = token["access_token"].as_str().unwrap();
		let answer = gateway
			.client
			.get(format!("{}{BASE}/programs", gateway.url));
		let answer = answer.bearer_auth(token).send().await.unwrap();
		assert_eq!(answer.status(), StatusCode::OK);
	}
	let cases = [
		(form, String::new(), "invalid_request"),
		(form, "client_id=a".into(), "invalid_request"),
		(form, "grant_type=password".into(), "unsupported_grant_type"),
		(
			form,
			"grant_type=client_credentials&grant_type=password".into(),
			"invalid_request",
		),
		(form, "\u{0}{".into(), "invalid_request"),
		(form, "a".repeat(17_000), "invalid_request"),
		("application/json", "{}".into(), "invalid_request"),
	];
	for (kind, body, error) in cases {
		let (status, problem) = ask(kind, body).await;
		assert_eq!(
			(status, &problem["error"]),
			(StatusCode::BAD_REQUEST, &json!(error)),
			"{problem}"
		);
	}
}
