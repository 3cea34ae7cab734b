//! Parameters of requests.
//!
//! What is not understood is refused: whoever misspells a filter would take the answer for what was asked for.

use std::str::FromStr;

use axum::{extract::Query, http::Uri};
use utoipa::IntoParams;

/// Parameters that nobody has taken yet.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
	/// Those of a request.
	pub(super) fn of(uri: &Uri) -> Result<Self, String> {
		let Query(pairs) = Query::try_from_uri(uri).map_err(|error| error.body_text())?;
		Ok(Self(pairs))
	}

	/// All values of a parameter.
	pub(super) fn all(&mut self, name: &str) -> Vec<String> {
		let all = std::mem::take(&mut self.0).into_iter();
		let (taken, left): (Vec<_>, _) = all.partition(|(given, _)| given == name);
		self.0 = left;
		taken.into_iter().map(|(_, value)| value).collect()
	}

	/// The value of a parameter, if it is given.
	pub(super) fn one<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
		let mut values = self.all(name);
		let value = values.pop();
		if !values.is_empty() {
			return Err(format!("{name} is given twice"));
		}
		let parse = |value: String| value.parse();
		let parsed = value.map(parse).transpose();
		parsed.map_err(|_| format!("{name} has no value of its range"))
	}

	/// That all are taken.
	pub(super) fn end(self) -> Result<(), String> {
		match self.0.first() {
			None => Ok(()),
			Some((name, _)) => Err(format!("there is no parameter {name}")),
		}
	}
}

/// How far one has come in a list that goes on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
	/// The last that one has: the offset of a reading, or `next` of the answer before.
	#[param(
		format = "uint64",
		minimum = 0,
		maximum = 18_446_744_073_709_551_615u64,
		default = 0,
		required = false
	)]
	pub(super) after: u64,
	/// The epoch of the answer that `after` is from. If there is another one here, `after` means nothing, and the answer
	/// begins with the first there is.
	#[param(
		format = "uint64",
		minimum = 0,
		maximum = 18_446_744_073_709_551_615u64,
		nullable = false
	)]
	pub(super) epoch: Option<u64>,
}

impl After {
	/// From a request.
	pub(super) fn take(parameters: &mut Parameters) -> Result<Self, String> {
		Ok(Self {
			after: parameters.one("after")?.unwrap_or(0),
			epoch: parameters.one("epoch")?,
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn parameters(query: &str) -> Parameters {
		Parameters::of(&format!("/?{query}").parse().unwrap()).unwrap_or(Parameters(Vec::new()))
	}

	#[test]
	fn parameters_should_be_taken_once_and_all_of_them() {
		let mut given = parameters("a=1&b=x&a=2&c=%C3%A4+%26");
		assert_eq!(given.all("a"), ["1", "2"]);
		assert_eq!(given.one::<String>("c"), Ok(Some("ä &".into())));
		assert!(given.one::<u32>("b").is_err());
		assert_eq!(given.one::<u32>("d"), Ok(None));
		assert_eq!(given.end(), Ok(()));
		assert!(parameters("a=1&a=2").one::<u32>("a").is_err());
		assert!(parameters("e=1").end().is_err());
		let none: Uri = "/".parse().unwrap();
		assert_eq!(Parameters::of(&none).unwrap().end(), Ok(()));
	}
}
