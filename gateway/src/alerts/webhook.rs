//! Alerts to a webhook: `POST` with JSON. Any status from 200 to 299 says that the alert was taken; one from 400
//! to 499 that this one was not, except 401, 403, 404, 408 and 429, which are about us or the time.

use std::{
	path::{Path, PathBuf},
	sync::Arc,
	time::Duration,
};

use anyhow::{bail, ensure, Context, Result};
use axum::{
	body::Body,
	http::{header, HeaderValue, Request, StatusCode, Uri},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
	client::legacy::{connect::HttpConnector, Client},
	rt::TokioExecutor,
};
use rustls::{
	pki_types::{pem::PemObject, CertificateDer},
	ClientConfig, RootCertStore,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::Answer;

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// How to reach a webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
	/// Where to post to: `https://…`, or `http://…`.
	url: String,
	/// With TLS: file with the certificates (PEM) of whom we believe.
	ca: Option<PathBuf>,
	/// File with the token by which it knows us (`Authorization: Bearer`).
	token_file: Option<PathBuf>,
}

/// A webhook that is told.
pub struct Webhook {
	client: Client<HttpsConnector<HttpConnector>, Body>,
	uri: Uri,
	token: Option<HeaderValue>,
}

/// Those whom we believe.
fn roots(path: &Path) -> Result<RootCertStore> {
	let mut roots = RootCertStore::empty();
	let certificates = CertificateDer::pem_file_iter(path)
		.with_context(|| format!("{} cannot be read", path.display()))?;
	for certificate in certificates {
		// A system's list may hold some that rustls does not take.
		let _ = roots.add(certificate.with_context(|| format!("in {}", path.display()))?);
	}
	ensure!(!roots.is_empty(), "{} has no certificate", path.display());
	Ok(roots)
}

/// The token in a file, as a header that no log shows.
fn token(path: &Path) -> Result<HeaderValue> {
	let text = std::fs::read_to_string(path)
		.with_context(|| format!("{} cannot be read", path.display()))?;
	let mut value = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
		.with_context(|| format!("{} is no token", path.display()))?;
	value.set_sensitive(true);
	Ok(value)
}

impl Webhook {
	/// The webhook; nothing is sent yet.
	pub fn new(settings: &Settings) -> Result<Self> {
		let url = &settings.url;
		let uri: Uri = url.parse().with_context(|| format!("{url:?} is no URL"))?;
		ensure!(uri.host().is_some(), "{url:?} names no host");
		let roots = match (uri.scheme_str(), &settings.ca) {
			(Some("https"), Some(ca)) => roots(ca)?,
			(Some("https"), None) => {
				bail!("https:// needs ca, such as /etc/ssl/certs/ca-certificates.crt")
			}
			(Some("http"), None) => RootCertStore::empty(),
			(Some("http"), Some(_)) => bail!("certificates are for https://"),
			_ => bail!("{url:?} begins neither with http:// nor with https://"),
		};
		let provider = Arc::new(rustls::crypto::ring::default_provider());
		let tls = ClientConfig::builder_with_provider(provider)
			.with_safe_default_protocol_versions()?
			.with_root_certificates(roots)
			.with_no_client_auth();
		let connector = HttpsConnectorBuilder::new()
			.with_tls_config(tls)
			.https_or_http()
			.enable_http1()
			.build();
		Ok(Self {
			client: Client::builder(TokioExecutor::new()).build(connector),
			uri,
			token: settings.token_file.as_deref().map(token).transpose()?,
		})
	}

	/// Posts an alert.
	pub async fn post(&self, message: &Value) -> Result<Answer> {
		let mut request = Request::post(&self.uri)
			.header(header::CONTENT_TYPE, "application/json")
			.body(Body::from(message.to_string()))?;
		if let Some(token) = &self.token {
			let headers = request.headers_mut();
			headers.insert(header::AUTHORIZATION, token.clone());
		}
		let answer = timeout(ANSWER, self.client.request(request)).await;
		let answer = answer
			.with_context(|| format!("{} does not answer", self.uri))?
			.with_context(|| format!("{} cannot be reached", self.uri))?;
		let status = answer.status();
		match status {
			_ if status.is_success() => Ok(Answer::Taken),
			StatusCode::UNAUTHORIZED
			| StatusCode::FORBIDDEN
			| StatusCode::NOT_FOUND
			| StatusCode::REQUEST_TIMEOUT
			| StatusCode::TOO_MANY_REQUESTS => bail!("{} answers {status}", self.uri),
			_ if status.is_client_error() => Ok(Answer::Refused(status.to_string())),
			_ => bail!("{} answers {status}", self.uri),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use axum::{http::HeaderMap, routing::post, Router};
	use serde_json::json;
	use std::sync::Mutex;

	type Heard = Arc<Mutex<Vec<(Option<String>, String)>>>;

	/// A server that answers the statuses it is asked for, and what it heard.
	async fn server(status: u16) -> (String, Heard) {
		let heard = Heard::default();
		let hearing = heard.clone();
		let hook = post(move |headers: HeaderMap, body: String| async move {
			let token = headers.get(header::AUTHORIZATION);
			let token = token.and_then(|token| token.to_str().ok().map(str::to_owned));
			hearing.lock().unwrap().push((token, body));
			StatusCode::from_u16(status).unwrap()
		});
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = listener.local_addr().unwrap();
		let app = Router::new().route("/hook", hook);
		tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
		(format!("http://{address}/hook"), heard)
	}

	fn settings(url: &str) -> Settings {
		Settings {
			url: url.to_owned(),
			ca: None,
			token_file: None,
		}
	}

	#[tokio::test]
	async fn an_alert_should_arrive_with_the_token() {
		let (url, heard) = server(204).await;
		let folder = tempfile::tempdir().unwrap();
		let file = folder.path().join("token");
		std::fs::write(&file, "secret\n").unwrap();
		let webhook = Webhook::new(&Settings {
			token_file: Some(file),
			..settings(&url)
		});
		let told = webhook.unwrap().post(&json!({ "id": "x" })).await;
		assert!(matches!(told, Ok(Answer::Taken)));
		let expected = (Some("Bearer secret".to_owned()), r#"{"id":"x"}"#.to_owned());
		assert_eq!(*heard.lock().unwrap(), [expected]);
	}

	#[tokio::test]
	async fn what_is_refused_should_not_keep_others_waiting() {
		for status in [400, 413, 422] {
			let (url, _) = server(status).await;
			let told = Webhook::new(&settings(&url))
				.unwrap()
				.post(&json!({}))
				.await;
			assert!(matches!(told, Ok(Answer::Refused(_))), "{status}");
		}
		for status in [302, 401, 403, 404, 408, 429, 500, 503] {
			let (url, _) = server(status).await;
			let told = Webhook::new(&settings(&url))
				.unwrap()
				.post(&json!({}))
				.await;
			assert!(told.is_err(), "{status}");
		}
	}

	#[tokio::test]
	async fn nobody_should_be_an_error() {
		let webhook = Webhook::new(&settings("http://127.0.0.1:1/")).unwrap();
		assert!(webhook.post(&json!({})).await.is_err());
	}

	#[test]
	fn half_a_setting_should_be_refused() {
		let bad = ["", "hook", "ftp://host/", "https://host/", "http://"];
		for url in bad {
			assert!(Webhook::new(&settings(url)).is_err(), "{url:?}");
		}
		let folder = tempfile::tempdir().unwrap();
		let empty = folder.path().join("empty");
		std::fs::write(&empty, "").unwrap();
		for (url, ca) in [("https://host/", &empty), ("http://host/", &empty)] {
			let ca = Some(ca.clone());
			let settings = Settings {
				ca,
				..settings(url)
			};
			assert!(Webhook::new(&settings).is_err(), "{url:?}");
		}
		let missing = Settings {
			token_file: Some(folder.path().join("none")),
			..settings("http://host/")
		};
		assert!(Webhook::new(&missing).is_err());
	}
}
