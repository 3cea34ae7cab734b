//! Endpoints, limits, and typed errors.
//!
//! | module | holds |
//! |---|---|
//! | [`readings`] | readings in, pages out |
//! | [`commands`] | commands to devices |
//! | [`watch`] | metrics and health |
//! | [`problem`] | requests that are refused as a whole |
//! | [`openadr`] | what clients of OpenADR 3 ask for |
//! | [`query`] | parameters |
//! | [`openapi`] | the description of all that, made of the endpoints themselves |

mod commands;
mod openadr;
mod openapi;
pub mod problem;
mod query;
mod readings;
mod watch;

use std::{sync::Arc, time::Duration};

use axum::{
	extract::Request,
	http::{Method, Uri},
	middleware::{from_fn, Next},
	response::{IntoResponse, Response},
	Router,
};
use tokio::sync::Semaphore;

use self::problem::{Code, Problem};
#[cfg(test)]
pub(super) use self::{openapi::API, readings::status_of};
use super::{
	chain::NodeStatus, commands::Commands, ingest::Ingest, keys::Keys, metrics::Metrics,
	openadr::OpenAdr, store::Store, workers::Workers,
};

/// Longest time a body may take to arrive.
pub const BODY_PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });
/// Most posts at a time whose bodies have arrived.
pub const MAX_POSTS: usize = 256;

/// Most requests at a time that wait for commands to change; further ones are answered at once.
pub const MAX_WAITS: usize = 64;

/// What the endpoints share.
pub struct App {
	ingest: Ingest<Keys>,
	commands: Commands,
	openadr: OpenAdr,
	status: Arc<NodeStatus>,
	posts: Semaphore,
	waits: Semaphore,
}

impl App {
	/// Over this store and these keys.
	pub fn new(
		store: Store,
		keys: Keys,
		commands: Commands,
		openadr: OpenAdr,
		status: Arc<NodeStatus>,
		metrics: Arc<Metrics>,
	) -> Arc<Self> {
		let verifiers = Workers::per_core();
		Arc::new(Self {
			ingest: Ingest {
				store,
				keys,
				verifiers,
				metrics,
			},
			commands,
			openadr,
			status,
			posts: Semaphore::new(MAX_POSTS),
			waits: Semaphore::new(MAX_WAITS),
		})
	}

	fn store(&self) -> &Store {
		&self.ingest.store
	}

	fn metrics(&self) -> &Metrics {
		&self.ingest.metrics
	}
}

/// All endpoints.
pub fn router(app: Arc<App>) -> Router {
	with_fallbacks(openapi::routes().into(), app)
}

/// All but posts: for the connections that devices cannot use up.
pub fn reserved_router(app: Arc<App>) -> Router {
	let refuse_posts = |request: Request, next: Next| async move {
		match *request.method() {
			Method::POST => Problem::busy().into_response(),
			_ => next.run(request).await,
		}
	};
	let routes: Router<_> = openapi::routes().into();
	with_fallbacks(routes.route_layer(from_fn(refuse_posts)), app)
}

fn with_fallbacks(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
	routes
		.fallback(|uri: Uri| async move { refusal(&uri, Code::NotFound, "no such endpoint") })
		.method_not_allowed_fallback(|uri: Uri| async move {
			let what = "the endpoint does not take this method";
			refusal(&uri, Code::MethodNotAllowed, what)
		})
		.with_state(app)
}

/// A request that met no endpoint, refused in the words of whom it was meant for.
fn refusal(uri: &Uri, code: Code, what: &str) -> Response {
	match openadr::has(uri.path()) {
		true => openadr::problem::Problem::new(code.status(), what).into_response(),
		false => Problem::new(code, what).into_response(),
	}
}
