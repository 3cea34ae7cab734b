//! Markdown: headings, paragraphs and tables, one after another.

use std::fmt::Write;

use crate::statistics::Estimate;

/// A report that is being written.
#[derive(Clone, Debug, Default)]
pub struct Report(String);

impl Report {
	/// A report with its title.
	pub fn new(title: &str) -> Self {
		Self(format!("# {title}\n"))
	}

	/// A heading.
	pub fn section(&mut self, title: &str) {
		let _ = write!(self.0, "\n## {title}\n");
	}

	/// A paragraph.
	pub fn text(&mut self, text: &str) {
		let _ = write!(self.0, "\n{text}\n");
	}

	/// A picture beside the report.
	pub fn picture(&mut self, what: &str, file: &str) {
		let _ = write!(self.0, "\n![{what}]({file})\n");
	}

	/// A table: its head, then its rows.
	pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
		let rule = head.iter().map(|_| "---").collect::<Vec<_>>();
		let _ = writeln!(self.0, "\n| {} |", head.join(" | "));
		let _ = writeln!(self.0, "| {} |", rule.join(" | "));
		for row in rows {
			let _ = writeln!(self.0, "| {} |", row.join(" | "));
		}
	}

	/// All of it.
	pub fn finish(self) -> String {
		self.0
	}
}

/// `94 %`, or with a digit where there are few percent.
pub fn percent(share: f64) -> String {
	let percent = share * 100.0;
	if percent == 0.0 || percent >= 10.0 {
		format!("{percent:.0} %")
	} else {
		format!("{percent:.1} %")
	}
}

/// A share with its interval: `94 % (90–97)`.
pub fn percent_within(of: &Estimate) -> String {
	format!(
		"{} ({:.0}–{:.0})",
		percent(of.value),
		of.least * 100.0,
		of.most * 100.0
	)
}

/// A rate with its interval: `0.42 (0.31–0.55)`.
pub fn within(of: &Estimate) -> String {
	format!("{:.2} ({:.2}–{:.2})", of.value, of.least, of.most)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn tables_should_be_markdown() {
		let mut report = Report::new("Meters");
		report.section("Found");
		report.table(&["attack", "found"], &[vec!["h1".into(), percent(0.945)]]);
		report.text("Good.");
		report.picture("a curve", "roc.svg");
		assert_eq!(
			report.finish(),
			"# Meters\n\n## Found\n\n| attack | found |\n| --- | --- |\n| h1 | 94 % |\n\nGood.\n\n![a curve](roc.svg)\n"
		);
	}

	#[test]
	fn numbers_should_be_readable() {
		let of = Estimate {
			value: 0.031,
			least: 0.012,
			most: 0.0666,
		};
		assert_eq!(percent_within(&of), "3.1 % (1–7)");
		assert_eq!(within(&of), "0.03 (0.01–0.07)");
		assert_eq!(percent(0.0), "0 %");
	}
}
