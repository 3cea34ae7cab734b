//! Charts as SVG: lines with points over two linear axes. Nothing else is needed, so nothing else is here.

use std::fmt::Write;

/// Size of a chart, and the room around its axes.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 54.0;

/// Lines of more points than this are drawn without them.
const MANY: usize = 40;

/// Colours that are told apart without red and green (Okabe and Ito 2008).
const COLOURS: [&str; 8] = [
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000",
];

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
	/// What it shows.
	pub name: String,
	/// Its points, in the order in which they are joined.
	pub points: Vec<(f64, f64)>,
	/// Whether its points are joined.
	pub joined: bool,
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
	/// What it measures, and in which unit.
	pub name: String,
	/// Its ends.
	pub from: f64,
	/// The other one.
	pub to: f64,
}

impl Axis {
	/// An axis from 0.
	pub fn to(name: &str, to: f64) -> Self {
		Self {
			name: name.into(),
			from: 0.0,
			to,
		}
	}

	fn place(&self, value: f64) -> f64 {
		((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
	}
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
	/// What it says.
	pub title: String,
	/// To the right.
	pub x: Axis,
	/// Upward.
	pub y: Axis,
	/// Its lines.
	pub lines: Vec<Line>,
}

impl Chart {
	/// The chart as an SVG document.
	pub fn svg(&self) -> String {
		let mut out = String::new();
		// Writing to a string does not fail.
		let _ = self.write(&mut out);
		out
	}

	fn at(&self, point: (f64, f64)) -> (f64, f64) {
		(
			LEFT + self.x.place(point.0) * (WIDTH - LEFT - RIGHT),
			HEIGHT - BOTTOM - self.y.place(point.1) * (HEIGHT - TOP - BOTTOM),
		)
	}

	fn write(&self, out: &mut String) -> std::fmt::Result {
		writeln!(
			out,
			"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
			 font-family=\"sans-serif\" font-size=\"12\">"
		)?;
		writeln!(
			out,
			"<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
		)?;
		text(out, (LEFT, 22.0), "start", &self.title)?;
		self.axes(out)?;
		for (place, line) in self.lines.iter().enumerate() {
			self.line(out, place, line)?;
		}
		writeln!(out, "</svg>")
	}

	fn axes(&self, out: &mut String) -> std::fmt::Result {
		const TICKS: u32 = 5;
		for tick in 0..=TICKS {
			let part = f64::from(tick) / f64::from(TICKS);
			let value = |axis: &Axis| axis.from + part * (axis.to - axis.from);
			let (x, y) = (value(&self.x), value(&self.y));
			let (right, bottom) = self.at((x, self.y.from));
			let (left, up) = self.at((self.x.from, y));
			stroke(out, (right, bottom), self.at((x, self.y.to)), "#dddddd")?;
			stroke(out, (left, up), self.at((self.x.to, y)), "#dddddd")?;
			text(out, (right, bottom + 16.0), "middle", &label(x))?;
			text(out, (left - 6.0, up + 4.0), "end", &label(y))?;
		}
		let middle = (LEFT + WIDTH - RIGHT) / 2.0;
		text(out, (middle, HEIGHT - 14.0), "middle", &self.x.name)?;
		text(out, (LEFT, TOP - 5.0), "start", &self.y.name)
	}

	fn line(&self, out: &mut String, place: usize, line: &Line) -> std::fmt::Result {
		let colour = COLOURS[place % COLOURS.len()];
		let points: Vec<_> = line.points.iter().map(|point| self.at(*point)).collect();
		if line.joined {
			let path: Vec<_> = points
				.iter()
				.map(|(x, y)| format!("{x:.1},{y:.1}"))
				.collect();
			writeln!(
				out,
				"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
				path.join(" ")
			)?;
		}
		// Of many points that are joined only the line can be seen.
		let few = !line.joined || points.len() <= MANY;
		for (x, y) in points.into_iter().filter(|_| few) {
			writeln!(
				out,
				"<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
			)?;
		}
		let (x, y) = (WIDTH - RIGHT + 14.0, TOP + 10.0 + 18.0 * place as f64);
		writeln!(
			out,
			"<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"
		)?;
		text(out, (x + 10.0, y + 4.0), "start", &line.name)
	}
}

fn stroke(out: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) -> std::fmt::Result {
	writeln!(
		out,
		"<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
		from.0, from.1, to.0, to.1
	)
}

fn text(out: &mut String, at: (f64, f64), anchor: &str, words: &str) -> std::fmt::Result {
	let words = words
		.replace('&', "&amp;")
		.replace('<', "&lt;")
		.replace('>', "&gt;");
	writeln!(
		out,
		"<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{words}</text>",
		at.0, at.1
	)
}

/// A number without digits that say nothing.
fn label(value: f64) -> String {
	let text = format!("{value:.3}");
	let text = text.trim_end_matches('0').trim_end_matches('.');
	if text.is_empty() || text == "-0" {
		"0".into()
	} else {
		text.into()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_chart_should_be_well_formed_and_show_every_point() {
		let chart = Chart {
			title: "found & missed <all>".into(),
			x: Axis::to("days", 28.0),
			y: Axis::to("share", 1.0),
			lines: vec![Line {
				name: "h1".into(),
				points: vec![(0.0, 0.0), (14.0, 0.5), (99.0, 2.0)],
				joined: true,
			}],
		};
		let svg = chart.svg();
		assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
		assert!(svg.contains("found &amp; missed &lt;all&gt;"));
		// Three points and the key.
		assert_eq!(svg.matches("<circle").count(), 4);
		assert_eq!(svg.matches("<polyline").count(), 1);
		// What lies outside is drawn at the edge.
		assert!(svg.contains("cx=\"450.0\" cy=\"40.0\""));
	}

	#[test]
	fn labels_should_be_short() {
		for (value, expected) in [(0.0, "0"), (0.2, "0.2"), (100.0, "100"), (0.125, "0.125")] {
			assert_eq!(label(value), expected);
		}
	}
}
