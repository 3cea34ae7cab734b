//! Where a test runs: a folder of its own, which stays when the test fails.

use std::{
	cell::{Cell, RefCell},
	fs,
	future::Future,
	net::TcpListener,
	path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// Lines of each log that are shown when a test fails.
const TAIL: usize = 40;

/// A test's folder.
pub struct Place {
	folder: RefCell<Option<TempDir>>,
	logs: RefCell<Vec<PathBuf>>,
	passed: Cell<bool>,
}

/// Runs a test in a place of its own. If it fails or panics, the folder with all logs and data is kept and
/// the ends of the logs are shown.
pub fn run<T, F>(test: T) -> Result<()>
where
	T: FnOnce(std::rc::Rc<Place>) -> F,
	F: Future<Output = Result<()>>,
{
	let place = std::rc::Rc::new(Place {
		folder: RefCell::new(Some(TempDir::with_prefix("gridweave-e2e-")?)),
		logs: RefCell::default(),
		passed: Cell::new(false),
	});
	let runtime = tokio::runtime::Builder::new_multi_thread()
		.enable_all()
		.build()?;
	let outcome = runtime.block_on(test(place.clone()));
	place.passed.set(outcome.is_ok());
	outcome
}

impl Place {
	/// A new folder within the test's.
	pub fn folder(&self, name: &str) -> Result<PathBuf> {
		let folder = self.folder.borrow();
		let path = folder
			.as_ref()
			.context("the test is over")?
			.path()
			.join(name);
		fs::create_dir_all(&path)?;
		Ok(path)
	}

	/// Path of a log file, whose end is shown if the test fails.
	pub fn log(&self, name: &str) -> Result<PathBuf> {
		let path = self.folder("logs")?.join(format!("{name}.log"));
		let mut logs = self.logs.borrow_mut();
		if !logs.contains(&path) {
			logs.push(path.clone());
		}
		Ok(path)
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		if self.passed.get() {
			return;
		}
		for log in self.logs.borrow().iter() {
			eprintln!("--- the end of {}", log.display());
			tail(log).iter().for_each(|line| eprintln!("{line}"));
		}
		if let Some(folder) = self.folder.take() {
			eprintln!("--- kept: {}", folder.keep().display());
		}
	}
}

fn tail(log: &Path) -> Vec<String> {
	let text = fs::read(log).unwrap_or_default();
	let text = String::from_utf8_lossy(&text);
	let lines: Vec<_> = text.lines().collect();
	lines[lines.len().saturating_sub(TAIL)..]
		.iter()
		.map(|line| line.to_string())
		.collect()
}

/// A port on which nothing listens now.
pub fn free_port() -> Result<u16> {
	Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
