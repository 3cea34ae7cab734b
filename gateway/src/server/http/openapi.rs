//! The description of the endpoints, made of the endpoints themselves: there is no route without one.

use std::{
	collections::BTreeMap,
	sync::{Arc, LazyLock},
};

use axum::Json;
use utoipa::{
	openapi::{
		schema::{
			AdditionalProperties, ArrayBuilder, KnownFormat, OneOfBuilder, SchemaFormat, Type,
		},
		ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
		Schema,
	},
	IntoResponses, OpenApi, PartialSchema, ToSchema,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{commands, openadr, problem::Problem, readings, watch, App};
use crate::server::body::{MAX_JSON_BYTES, MAX_POST_READINGS, MAX_SCALE_BYTES};

/// What there is to say of all endpoints.
#[derive(OpenApi)]
#[openapi(
	info(
		title = "Gridweave meter gateway",
		description = "Takes signed readings from meters, keeps them on disk until the chain has finalised them, \
			and serves them to the off-chain workers of the chain's authorities. Tells devices what the chain \
			commands, and clients of OpenADR 3 what it offers.\n\n\
			How a reading is encoded and signed, and what an operator should know, is told in docs/gateway.md of \
			the project.\n\n\
			A request that is refused as a whole has a `Problem` in JSON, below `/openadr3` an `OpenAdrProblem`, \
			which has no code; an endpoint that does not exist is \
			answered with 404 and the code `not_found`, a method that an endpoint does not take with 405, the \
			code `method_not_allowed` and a header `allow`. Wherever there is GET there is HEAD. Every 503 but \
			that of `/health` has a header `retry-after`, and no other answer has one.\n\n\
			A connection that sends no request for 5 s, or is 60 s old, is closed. When devices use all \
			connections, 64 more are reserved, which take one request each and answer posts with 503, `busy`. \
			There is no authentication beside the signatures of readings, and no encryption: that is for a \
			proxy or a private network."
	),
	tags(
		(name = "Devices", description = "Meters, and edge signers for meters that cannot sign."),
		(name = "Off-chain workers", description = "The authorities' nodes, which bring readings on chain."),
		(name = "Operators", description = "Whoever looks after the gateway."),
		(name = "OpenADR", description = "Clients of OpenADR 3.0.1: virtual end nodes."),
	)
)]
struct Api;

pub(in crate::server) static API: LazyLock<utoipa::openapi::OpenApi> =
	LazyLock::new(|| routes().into_openapi());

/// All endpoints with their descriptions.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
	OpenApiRouter::with_openapi(Api::openapi())
		.routes(routes!(readings::post, readings::page))
		.routes(routes!(commands::list))
		.routes(routes!(commands::of_meter))
		.routes(routes!(description))
		.routes(routes!(watch::metrics))
		.routes(routes!(watch::health))
		.merge(openadr::routes())
}

/// This description.
#[utoipa::path(
	get,
	path = "/v1/openapi.json",
	tag = "Operators",
	responses(
		(status = 200, body = Object, content_type = "application/json", description = "OpenAPI 3.1."),
		HeadTooLong,
	)
)]
async fn description() -> Json<&'static utoipa::openapi::OpenApi> {
	Json(&API)
}

/// Answered before any endpoint is looked for.
pub(super) struct HeadTooLong;

impl IntoResponses for HeadTooLong {
	fn responses() -> BTreeMap<String, RefOr<Response>> {
		let response = ResponseBuilder::new()
			.description("The request's line and headers have more than 16 KiB. There is no body.");
		[("431".into(), response.build().into())].into()
	}
}

/// A response 503 with when to come again, of which the body has the schema of this name.
pub(super) fn unavailable(description: &str, schema: &str) -> BTreeMap<String, RefOr<Response>> {
	let seconds = ObjectBuilder::new()
		.schema_type(Type::Integer)
		.minimum(Some(0_usize));
	let retry_after = HeaderBuilder::new()
		.schema(Some(seconds))
		.description(Some("Seconds to wait before coming again."))
		.build();
	let content = ContentBuilder::new()
		.schema(Some(Ref::from_schema_name(schema)))
		.build();
	let response = ResponseBuilder::new()
		.description(description)
		.header("retry-after", retry_after)
		.content("application/json", content);
	[("503".into(), response.build().into())].into()
}

/// Answered while nobody knows what the chain commands.
pub(super) struct NoCommands;

impl IntoResponses for NoCommands {
	fn responses() -> BTreeMap<String, RefOr<Response>> {
		let what = "`no_node`: the chain's commands have not been looked at since the start. `wrong_chain` or \
			`another_run`: the node's chain is not that of the store; an operator has to look.";
		unavailable(what, &Problem::name())
	}
}

/// `{"frames": ["0x…"]}`, as [`crate::server::body`] reads it.
pub(super) enum JsonFrames {}

impl ToSchema for JsonFrames {}

impl PartialSchema for JsonFrames {
	fn schema() -> RefOr<Schema> {
		let frame = ObjectBuilder::new()
			.schema_type(Type::String)
			.format(Some(SchemaFormat::Custom("frame".into())))
			.description(Some(
				"A frame in hex, with or without `0x`: the reading in SCALE, a byte for the type of key (0 \
				ed25519, 1 sr25519, 2 secp256k1), and the signature. A string that is none has the outcome \
				`malformed`; the others of the post are taken all the same.",
			))
			.examples([EXAMPLE_FRAME]);
		let frames = ArrayBuilder::new()
			.items(frame)
			.min_items(Some(1))
			.max_items(Some(MAX_POST_READINGS));
		ObjectBuilder::new()
			.property("frames", frames)
			.required("frames")
			.additional_properties(Some(AdditionalProperties::FreeForm(false)))
			.description(Some(format!(
				"Frames in hex. At most {MAX_JSON_BYTES} bytes."
			)))
			.into()
	}
}

/// Reading 42 of meter 7, signed with ed25519 for a chain whose genesis hash is 32 bytes 1.
const EXAMPLE_FRAME: &str = "0x1ca80300a5186a02890700000000000000962a215a64e9a7afa8d3bf6dd3dddd95620ab643d291244888676057f2ed\
	0fd95e2aab59a4dfcd94dc1d1e765a372ada4d2f88715a329eecce05f791a4cf180e";

fn binary(description: String) -> ObjectBuilder {
	ObjectBuilder::new()
		.schema_type(Type::String)
		.format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
		.description(Some(description))
}

/// Frames one after the other, as [`crate::server::body`] reads them.
pub(super) enum ScaleFrames {}

impl ToSchema for ScaleFrames {}

impl PartialSchema for ScaleFrames {
	fn schema() -> RefOr<Schema> {
		let what = format!(
			"Up to {MAX_POST_READINGS} frames one after the other, without a count. At most {MAX_SCALE_BYTES} bytes."
		);
		binary(what)
			.min_length(Some(1))
			.max_length(Some(MAX_SCALE_BYTES))
			.into()
	}
}

/// A [`gridweave_primitives::reading::ReadingPage`].
pub(super) enum ScalePage {}

impl ToSchema for ScalePage {}

impl PartialSchema for ScalePage {
	fn schema() -> RefOr<Schema> {
		let what = "`ReadingPage { epoch: u64, readings: Vec<(u64, SignedReading)> }` in SCALE: 8 bytes of epoch \
			(little-endian), the compact number of readings, and each with its offset (8 bytes, little-endian) \
			before its frame.";
		binary(what.into()).into()
	}
}

/// Either a verdict on each reading, or none at all.
pub(super) enum PostedOrProblem {}

impl ToSchema for PostedOrProblem {
	fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
		for (name, schema) in [
			(readings::Posted::name(), readings::Posted::schema()),
			(Problem::name(), Problem::schema()),
		] {
			schemas.push((name.into(), schema));
		}
		readings::Posted::schemas(schemas);
		Problem::schemas(schemas);
	}
}

impl PartialSchema for PostedOrProblem {
	fn schema() -> RefOr<Schema> {
		OneOfBuilder::new()
			.item(Ref::from_schema_name(readings::Posted::name()))
			.item(Ref::from_schema_name(Problem::name()))
			.into()
	}
}
