//! What the methods of our own have in common: errors, and how subscriptions to a state begin.

use jsonrpsee::{core::SubscriptionResult, types::ErrorObjectOwned, PendingSubscriptionSink};
use serde_json::Value;
use sp_api::ApiError;

use crate::board::{self, Full, Latest};

/// The block is unknown, its state is gone, or its runtime does not answer this.
const NO_ANSWER: i32 = 21_001;

/// Too much else is watched at this node.
const TOO_MUCH_WATCHED: i32 = 21_002;

/// What to answer if the runtime does not.
pub fn failed(error: ApiError) -> ErrorObjectOwned {
	ErrorObjectOwned::owned(
		NO_ANSWER,
		"the runtime of this block does not answer: is its state still kept?",
		Some(error.to_string()),
	)
}

fn full(_: Full) -> ErrorObjectOwned {
	ErrorObjectOwned::owned(
		TOO_MUCH_WATCHED,
		"too much else is watched at this node: ask by method, or another node",
		None::<()>,
	)
}

/// Tells a subscriber what is watched. Whoever comes first has it looked at now.
pub async fn subscribe(
	pending: PendingSubscriptionSink,
	latest: Result<Latest, Full>,
	look: impl FnOnce() -> Result<(), ApiError> + Send + 'static,
	view: impl Fn(&Value) -> Value + Send,
) -> SubscriptionResult {
	let latest = match latest {
		Ok(latest) => latest,
		Err(error) => {
			pending.reject(full(error)).await;
			return Ok(());
		}
	};
	if latest.borrow().is_none() {
		let looked = tokio::task::spawn_blocking(look).await?;
		if let Err(error) = looked {
			pending.reject(failed(error)).await;
			return Ok(());
		}
	}
	board::tell(pending.accept().await?, latest, view).await
}
