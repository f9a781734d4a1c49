//! Lines over time as SVG, with their labels as text beside it.
//!
//! In: series of one length, one value a date. Out: HTML. Invariant: the drawing stretches with the page and the text does
//! not, so that a sheet is as readable on a phone as on a desk; a gap in the data is a gap in the line.

use std::fmt::Write;

/// Width of the drawing in its own units; the page stretches it.
const WIDTH: f64 = 1000.0;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Percent,
    Times,
    Value,
    Money,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Format::Percent => "percent",
            Format::Times => "times",
            Format::Value => "value",
            Format::Money => "money",
        }
    }

    /// A label of an axis whose steps are so wide.
    fn label(self, value: f64, step: f64) -> String {
        // As many digits as tell one step from the next.
        let whole = |step: f64| (step - step.round()).abs() < 1e-9 * step;
        let digits = |scale: f64| {
            (0..4).find(|&digits| whole(step * scale * libm::pow(10.0, f64::from(digits)))).unwrap_or(4) as usize
        };
        let text = match self {
            Format::Percent => format!("{:.*} %", digits(100.0), value * 100.0),
            Format::Times => format!("{:.*} ×", digits(1.0), value),
            Format::Value => format!("{:.*}", digits(1.0), value),
            Format::Money if step >= 1e6 => format!("{:.*} M", digits(1e-6), value / 1e6),
            Format::Money if step >= 1e3 => format!("{:.0} k", value / 1e3),
            Format::Money => format!("{value:.0}"),
        };
        let zero = text.trim_start_matches('-').trim_start_matches(['0', '.']);
        match zero.starts_with(' ') || zero.is_empty() {
            true if self == Format::Money => "0".to_owned(),
            true => text.replace('-', ""),
            false => text.replace('-', "−"),
        }
    }
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Line,
    Dashed,
    /// A line with the space to zero filled.
    Area,
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    /// Name of the colour in the style sheet.
    pub(super) colour: String,
    pub(super) stroke: Stroke,
    /// NaN where there is none.
    pub(super) values: Vec<f64>,
}

/// A drawing.
#[derive(Clone, Debug)]
pub(super) struct Plot<'a> {
    pub(super) id: &'static str,
    pub(super) title: &'a str,
    pub(super) note: &'a str,
    pub(super) format: Format,
    pub(super) height: u32,
    pub(super) series: Vec<Series>,
    /// First and last position with the class of each shaded span.
    pub(super) bands: Vec<(usize, usize, String)>,
    /// Positions of the marks along time, with their text.
    pub(super) marks: &'a [(usize, String)],
}

impl Plot<'_> {
    /// The card of the drawing.
    pub(super) fn html(&self) -> String {
        if self.series.is_empty() {
            return self.empty();
        }
        let (low, high, step) = self.range();
        let points = self.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
        let height = f64::from(self.height);
        let x = |position: usize| WIDTH * position as f64 / (points.max(2) - 1) as f64;
        let y = |value: f64| height * (high - value) / (high - low);
        let mut html = format!(
            "<section class=card><div class=head><h2>{}</h2><p>{}</p></div><div class=frame data-plot={} \
             style=\"height:{}px\"><svg viewBox=\"0 0 {WIDTH} {height}\" preserveAspectRatio=none role=img \
             aria-label=\"{}\">",
            self.title, self.note, self.id, self.height, self.title
        );
        for (first, last, class) in &self.bands {
            let (from, to) = (x(*first), x(*last + 1).min(WIDTH));
            write!(html, "<rect class={class} x={from:.1} y=0 width={:.1} height={height} />", to - from)
                .expect("text");
        }
        let levels = levels(low, high, step);
        for level in &levels {
            let class = if *level == 0.0 { "zero" } else { "grid" };
            write!(html, "<line class={class} x1=0 x2={WIDTH} y1={0:.1} y2={0:.1} />", y(*level)).expect("text");
        }
        for series in &self.series {
            html += &drawn(series, x, y, y(0.0_f64.clamp(low, high)));
        }
        html += "</svg>";
        for level in &levels {
            let top = 100.0 * y(*level) / height;
            write!(html, "<span class=y style=\"top:{top:.2}%\">{}</span>", self.format.label(*level, step))
                .expect("text");
        }
        for (index, (position, text)) in self.marks.iter().enumerate() {
            let class = if index % 2 == 1 { "\"x second\"" } else { "x" };
            write!(html, "<span class={class} style=\"left:{:.2}%\">{text}</span>", x(*position) / WIDTH * 100.0)
                .expect("text");
        }
        html + "</div>" + &self.keys() + "</section>"
    }

    /// The card of a run in which there was nothing to draw.
    fn empty(&self) -> String {
        let Plot { title, note, .. } = self;
        format!("<section class=card><div class=head><h2>{title}</h2><p>{note}: none</p></div></section>")
    }

    /// The values for the cross-hair, as JSON.
    pub(super) fn data(&self) -> serde_json::Value {
        let short = |value: &f64| value.is_finite().then(|| format!("{value:.6e}").parse::<f64>().expect("a number"));
        let series: Vec<_> = self
            .series
            .iter()
            .map(|series| (&series.name, series.values.iter().map(short).collect::<Vec<Option<f64>>>()))
            .collect();
        serde_json::json!({ "format": self.format.name(), "series": series })
    }

    fn keys(&self) -> String {
        let mut seen: Vec<&str> = Vec::new();
        let mut keys = String::new();
        if self.series.len() > 1 {
            for series in &self.series {
                write!(
                    keys,
                    "<li><i style=\"background:var(--{})\"></i>{}</li>",
                    series.colour,
                    super::escape(&series.name)
                )
                .expect("text");
            }
        }
        for (_, _, class) in &self.bands {
            if !seen.contains(&class.as_str()) {
                seen.push(class);
                let (colour, name) = (class.to_lowercase(), class);
                write!(keys, "<li><i class=band style=\"background:var(--{colour})\"></i>{name}</li>").expect("text");
            }
        }
        if keys.is_empty() { keys } else { format!("<ul class=keys>{keys}</ul>") }
    }

    /// Lowest and highest value with some air, and the distance between grid lines.
    fn range(&self) -> (f64, f64, f64) {
        let values = || self.series.iter().flat_map(|series| &series.values).copied().filter(|value| value.is_finite());
        let (mut low, mut high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if self.series.iter().any(|series| series.stroke == Stroke::Area) {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if !low.is_finite() || !high.is_finite() {
            (low, high) = (0.0, 1.0);
        }
        // A line that never leaves zero has no size of its own.
        let span = if high > low {
            high - low
        } else if high == 0.0 {
            1.0
        } else {
            high.abs()
        };
        let step = nice(span / 5.0);
        let air = 0.04 * span;
        // Zero is an edge where everything lies on one side of it.
        let bottom = if low == 0.0 && high > 0.0 { 0.0 } else { low - air };
        (bottom, if high == 0.0 && low < 0.0 { 0.0 } else { high + air }, step)
    }
}

/// The path of a series, broken at gaps.
fn drawn(series: &Series, x: impl Fn(usize) -> f64, y: impl Fn(f64) -> f64, zero: f64) -> String {
    let colour = format!("var(--{})", series.colour);
    let (mut line, mut area, mut dots) = (String::new(), String::new(), String::new());
    let is_gap = |(_, value): &(usize, &f64)| !value.is_finite();
    let values: Vec<(usize, &f64)> = series.values.iter().enumerate().collect();
    for run in values.split(is_gap).filter(|run| !run.is_empty()) {
        let points: Vec<String> = run.iter().map(|(at, value)| format!("{:.1} {:.1}", x(*at), y(**value))).collect();
        let (first, last) = (x(run[0].0), x(run[run.len() - 1].0));
        let path = points.join("L");
        match run.len() {
            1 => write!(dots, "M{path}h0"), // it has no neighbour to draw a line to
            _ => write!(line, "M{path}"),
        }
        .expect("text");
        write!(area, "M{path}L{last:.1} {zero:.1}L{first:.1} {zero:.1}Z").expect("text");
    }
    let path = |class: &str, d: &str| match d.is_empty() {
        true => String::new(),
        false => format!("<path{class} style=\"stroke:{colour}\" d=\"{d}\" />"),
    };
    let filled = match series.stroke {
        Stroke::Area => format!("<path class=area style=\"fill:{colour}\" d=\"{area}\" />"),
        Stroke::Line | Stroke::Dashed => String::new(),
    };
    let class = if series.stroke == Stroke::Dashed { " class=dash" } else { "" };
    filled + &path(class, &line) + &path(" class=dot", &dots)
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = libm::pow(10.0, libm::log10(step).floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.into_iter().map(|nice| nice * power).find(|nice| *nice >= step * 0.999).unwrap_or(10.0 * power)
}

fn levels(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|n| n as f64 * step).collect()
}
