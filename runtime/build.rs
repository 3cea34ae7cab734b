//! Builds the runtime's WASM blob, and beside it the one that upgrades are rehearsed with.

fn main() {
	#[cfg(all(feature = "std", feature = "metadata-hash"))]
	substrate_wasm_builder::WasmBuilder::init_with_defaults()
		.enable_metadata_hash("GRID", 12)
		.build();

	#[cfg(all(feature = "std", not(feature = "metadata-hash")))]
	{
		// Nothing is released, measured or tried out with a rehearsal in it. It comes first: what is left in the
		// project's folder is then the runtime proper. Both share the folder, and so the compiled dependencies.
		#[cfg(not(any(
			feature = "rehearsal",
			feature = "runtime-benchmarks",
			feature = "try-runtime"
		)))]
		substrate_wasm_builder::WasmBuilder::init_with_defaults()
			.enable_feature("rehearsal")
			.set_file_name("rehearsal")
			.build();

		substrate_wasm_builder::WasmBuilder::build_using_defaults();
	}
}
