//! Benchmark of the call.

use alloc::{boxed::Box, vec};

use frame_benchmarking::v2::*;
use frame_support::traits::EnsureOrigin;

use crate::*;

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn enact() -> Result<(), BenchmarkError> {
		let origin =
			T::EnactOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let remark = frame_system::Call::<T>::remark { remark: vec![] };
		let call = Box::new(<T as Config>::Call::from(remark));
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, call);
		assert_eq!(frame_system::Pallet::<T>::events().len(), 1);
		Ok(())
	}

	impl_benchmark_test_suite!(
		Pallet,
		sp_io::TestExternalities::default(),
		crate::tests::Test
	);
}
