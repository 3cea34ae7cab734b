//! Weights for `pallet_demand_response`: **estimates, not measured yet**. They are those that the pallet's own tests
//! use, and err on the high side.

use core::marker::PhantomData;

use frame_support::weights::Weight;

/// Weight functions for `pallet_demand_response`.
pub struct WeightInfo<T>(PhantomData<T>);

macro_rules! estimates {
	($($name:ident)*) => {
		impl<T: frame_system::Config> pallet_demand_response::WeightInfo for WeightInfo<T> {
			$(
				fn $name() -> Weight {
					<() as pallet_demand_response::WeightInfo>::$name()
				}
			)*
		}
	};
}

estimates! {
	open_programme fund_programme withdraw_budget set_trigger close_programme enrol create_group invite join_group
	leave dissolve_group announce_event cancel_event end_event respond send_command acknowledge poll timetable
	evaluate_trigger issue_command record_look record_page measure_meter conclude pay_resource sweep_answer
	prune_report close_member close_group
}
