//! The results as a picture.

use core::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::compare::{Calls, Comparison, IN_FLIGHT};
use super::report::rate;
use farcall_workloads::Result;
use farcall_workloads::measure::Spread;

const SIZE: (u32, u32) = (1240, 600);
const ECHO: RGBColor = RGBColor(158, 158, 158);
const FARCALL: RGBColor = RGBColor(0, 114, 178);
const SERIES: [(&str, RGBColor); 2] = [("bare mio UDP echo", ECHO), ("farcall", FARCALL)];

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws latency and throughput side by side.
pub(crate) fn draw(calls: &Calls, description: &str, file: &Path) -> Result<()> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let title = ("sans-serif", 24).into_font().style(FontStyle::Bold);
    let root = root.titled("Null call: farcall beside a bare mio UDP echo", title)?;
    let (root, foot) = root.split_vertically(520);
    let small = ("sans-serif", 14).into_font().color(&BLACK.mix(0.7));
    let centred = small.pos(Pos::new(HPos::Center, VPos::Top));
    foot.draw(&Text::new(description.to_owned(), (SIZE.0 as i32 / 2, 4), centred))?;

    let (left, right) = root.split_horizontally(SIZE.0 / 2);
    let latencies = [
        calls.compare(|side| side.latency.p50),
        calls.compare(|side| side.latency.p99),
        calls.compare(|side| side.latency.p999),
    ];
    let names = ["p50", "p99", "p99.9"].map(str::to_owned);
    panel(
        &left,
        "Latency, one in flight (lower is better)",
        "percentile",
        "microseconds",
        &Bars { names: &names, values: &latencies },
    )?;
    let rates: Vec<Comparison> = (0..IN_FLIGHT.len())
        .map(|index| {
            let Comparison { echo, farcall, ratio } = rate(calls, index);
            Comparison { echo: echo.times(1e-3), farcall: farcall.times(1e-3), ratio }
        })
        .collect();
    let names = IN_FLIGHT.map(|in_flight| in_flight.to_string());
    panel(
        &right,
        "Throughput, one thread (higher is better)",
        "in flight",
        "1,000 per second",
        &Bars { names: &names, values: &rates },
    )?;
    root.present()?;
    Ok(())
}

/// Groups of two bars.
struct Bars<'a> {
    names: &'a [String],
    values: &'a [Comparison],
}

/// Draws one chart: bars for medians on a logarithmic axis, lines from the least to the most.
fn panel(area: &Panel<'_>, title: &str, x: &str, y: &str, bars: &Bars<'_>) -> Result<()> {
    let spreads = || bars.values.iter().flat_map(|value| [value.echo, value.farcall]);
    let lowest = spreads().map(|spread| spread.minimum).fold(f64::INFINITY, f64::min);
    let highest = spreads().map(|spread| spread.maximum).fold(0.0, f64::max);
    // Room above for the figures and the legend, and below for the shortest bar to be seen.
    let range = (lowest / 2.0)..(highest * 4.0);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(72)
        .build_cartesian_2d(Groups(bars.names.to_vec()), range.clone().log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(x)
        .y_desc(format!("{y} (logarithmic)"))
        .x_labels(bars.names.len())
        .y_labels(8)
        .y_label_formatter(&|value| label(*value))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    for (series, (name, color)) in SERIES.into_iter().enumerate() {
        let start = 0.12 + 0.39 * series as f64;
        let spread_of = |value: &Comparison| if series == 0 { value.echo } else { value.farcall };
        let rectangles = bars.values.iter().enumerate().map(|(group, value)| {
            let left = group as f64 + start;
            let corners = [(left, range.start), (left + 0.36, spread_of(value).median)];
            Rectangle::new(corners, color.filled())
        });
        chart
            .draw_series(rectangles)?
            .label(name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 6), (x + 14, y + 6)], color.filled()));
        let whiskers = bars.values.iter().enumerate().map(|(group, value)| {
            let Spread { minimum, maximum, .. } = spread_of(value);
            let middle = group as f64 + start + 0.18;
            PathElement::new([(middle, minimum), (middle, maximum)], BLACK.stroke_width(1))
        });
        chart.draw_series(whiskers)?;
        let figures = bars.values.iter().enumerate().map(|(group, value)| {
            let Spread { median, maximum, .. } = spread_of(value);
            let style = ("sans-serif", 14).into_font().color(&BLACK);
            let above = style.pos(Pos::new(HPos::Center, VPos::Bottom));
            let middle = group as f64 + start + 0.18;
            Text::new(label(median), (middle, maximum * 1.06), above)
        });
        chart.draw_series(figures)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 15))
        .draw()?;
    Ok(())
}

fn label(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// An axis with a named group in each unit of its length.
#[derive(Clone)]
struct Groups(Vec<String>);

impl Ranged for Groups {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let length = f64::from(limit.1 - limit.0);
        limit.0 + (value / self.0.len() as f64 * length).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, _hint: H) -> Vec<f64> {
        (0..self.0.len()).map(|group| group as f64 + 0.5).collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.0.len() as f64
    }
}

impl ValueFormatter<f64> for Groups {
    fn format_ext(&self, value: &f64) -> String {
        self.0.get(*value as usize).cloned().unwrap_or_default()
    }
}
