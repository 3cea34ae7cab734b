//! Meters that an operator registers for their owners.

use codec::Encode;
use frame_support::{ensure, pallet_prelude::*};
use gridweave_primitives::{
	device::consent_digest,
	traits::{MicrogridInspect, SettlementClock},
	MicrogridId,
};
use sp_runtime::traits::Verify;

use crate::{Config, Error, Onboarding, Onboardings, Pallet};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_onboard(
		operator: T::AccountId,
		microgrid: MicrogridId,
		meters: Onboardings<T::AccountId, T::OwnerSignature>,
	) -> DispatchResult {
		let operates = T::Microgrids::operator(microgrid).ok_or(Error::<T>::UnknownMicrogrid)?;
		ensure!(operates == operator, Error::<T>::NotOperator);
		for meter in meters {
			Self::ensure_consent(&operator, microgrid, &meter)?;
			let ratings = meter.ratings;
			let id = Self::do_register(
				meter.owner,
				microgrid,
				meter.kind,
				meter.key,
				meter.serial,
				meter.modulus,
				meter.proof,
			)?;
			Self::do_admit(operator.clone(), id, ratings)?;
		}
		Ok(())
	}

	/// The owner may have signed the digest as it is, or as wallets sign what they are shown.
	fn ensure_consent(
		operator: &T::AccountId,
		microgrid: MicrogridId,
		meter: &Onboarding<T::AccountId, T::OwnerSignature>,
	) -> Result<(), Error<T>> {
		ensure!(T::Clock::now() <= meter.expires, Error::<T>::ConsentExpired);
		let digest = consent_digest(
			&Self::genesis_hash(),
			operator,
			microgrid,
			&meter.key,
			&meter.serial,
			meter.expires,
		);
		let signed = |message: &[u8]| meter.consent.verify(message, &meter.owner);
		ensure!(
			signed(&digest) || signed(&(b"<Bytes>", digest, b"</Bytes>").encode()),
			Error::<T>::BadConsent
		);
		Ok(())
	}
}
