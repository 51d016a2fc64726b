//! The results as pictures.

mod chart;

use std::path::Path;

use plotters::style::RGBColor;

use self::chart::{Axis, Chart, Line, Style};
use super::Result;
use super::measure::Spread;
use super::results::{Case, Figure, Measured, Place};
use super::suite::Part;
use super::system::Workload;

/// One colour for each system, in their order: first the blue ones, which are ours.
const COLORS: [(u8, u8, u8); 16] = [
    (0, 68, 136),
    (0, 114, 178),
    (102, 178, 230),
    (120, 120, 120),
    (190, 190, 190),
    (0, 0, 0),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (136, 34, 85),
    (153, 153, 51),
    (51, 34, 136),
    (170, 68, 153),
    (150, 90, 30),
    (0, 90, 60),
];

/// Up to which percentile there is something to see: one call in so many.
const RAREST: f64 = 10_000.0;

/// Draws what there is to draw about a part. Returns the name of the file, if there is one.
pub(crate) fn draw(
    part: Part,
    measured: &Measured,
    description: &str,
    folder: &Path,
) -> Result<Option<String>> {
    let chart = match part {
        Part::Latency => latency(measured, description),
        Part::Throughput => throughput(measured, description),
        Part::Payload => payload(measured, description),
        Part::Loss => loss(measured, description),
        Part::Crowd | Part::Mixed => return Ok(None),
    };
    let name = format!("{}.svg", part.name());
    chart.draw(&folder.join(&name))?;
    Ok(Some(name))
}

fn color(number: usize) -> RGBColor {
    let (red, green, blue) = COLORS[number % COLORS.len()];
    RGBColor(red, green, blue)
}

/// A line for each system: one point for each case that `x` gives a place.
fn lines(
    measured: &Measured,
    figure: Figure,
    style: Style,
    suffix: Option<&str>,
    x: impl Fn(&Case) -> Option<f64>,
) -> Vec<Line> {
    let line = |(number, system): (usize, &'static str)| {
        let points = measured.cases.iter().enumerate().filter_map(|(case, (what, _))| {
            Some((x(what)?, measured.spread(Place { case, system, figure })?))
        });
        let points: Vec<_> = points.collect();
        let name = suffix.map(|suffix| format!("{system}{suffix}"));
        (!points.is_empty()).then(|| Line { name, color: color(number), style, points })
    };
    measured.systems().into_iter().enumerate().filter_map(line).collect()
}

/// How long calls take, over how many take longer.
fn latency<'a>(measured: &Measured, description: &'a str) -> Chart<'a> {
    let curve = |(number, system)| {
        let histogram = measured.series(0, system)?.histogram.as_ref()?;
        let points: Vec<(f64, Spread)> = percentiles(histogram.len())
            .map(|rarity| {
                let value = histogram.value_at_quantile(1.0 - 1.0 / rarity) as f64 / 1000.0;
                (rarity, Spread { median: value, minimum: value, maximum: value })
            })
            .collect();
        Some(Line {
            name: Some(system.to_owned()),
            color: color(number),
            style: Style::Curve,
            points,
        })
    };
    Chart {
        title: "Null call, one in flight: how long how many take",
        caption: "All repetitions together (lower is better)",
        description,
        x: Axis {
            name: "percentile",
            key_points: vec![1.0, 2.0, 10.0, 100.0, 1000.0, RAREST],
            label: percentile_label,
        },
        y: Axis { name: "microseconds (logarithmic)", key_points: Vec::new(), label: short },
        lines: measured.systems().into_iter().enumerate().filter_map(curve).collect(),
    }
}

/// One call in how many takes longer: from all to the rarest of which there are ten.
fn percentiles(samples: u64) -> impl Iterator<Item = f64> {
    /// How many points there are while the rarity grows tenfold.
    const STEPS: i32 = 20;
    let rarest = (samples as f64 / 10.0).clamp(1.0, RAREST);
    let rarities = (0..).map(|step| 10.0_f64.powf(f64::from(step) / f64::from(STEPS)));
    rarities.take_while(move |rarity| *rarity <= rarest * 1.001)
}

fn percentile_label(rarity: f64) -> String {
    match rarity {
        rarity if rarity < 1.5 => "least".to_owned(),
        rarity => format!("p{}", ((1.0 - 1.0 / rarity) * 1e6).round() / 1e4),
    }
}

fn throughput<'a>(measured: &Measured, description: &'a str) -> Chart<'a> {
    let of = |workload| move |case: &Case| (case.workload == workload).then_some(case.count as f64);
    let mut all = lines(measured, Figure::Rate, Style::Points, Some(""), of(Workload::Stream));
    let threads = of(Workload::Threads);
    all.extend(lines(measured, Figure::Rate, Style::Marks, None, threads));
    Chart {
        title: "Null calls per second",
        caption: "Lines: in flight from one thread. Triangles: one each from 8 threads. Higher is better",
        description,
        x: Axis {
            name: "calls in flight (logarithmic)",
            key_points: vec![1.0, 8.0, 16.0, 64.0, 256.0],
            label: short,
        },
        y: Axis { name: "calls per second (logarithmic)", key_points: Vec::new(), label: short },
        lines: all,
    }
}

fn payload<'a>(measured: &Measured, description: &'a str) -> Chart<'a> {
    /// How far uploads stand beside the echoes of their size.
    const ASIDE: f64 = 1.35;
    let echo =
        |case: &Case| matches!(case.workload, Workload::Echo(_)).then_some(case.count as f64);
    let upload = |case: &Case| {
        matches!(case.workload, Workload::Upload(_)).then_some(case.count as f64 * ASIDE)
    };
    let mut all = lines(measured, Figure::Speed, Style::Points, Some(""), echo);
    all.extend(lines(measured, Figure::Speed, Style::Marks, None, upload));
    let sizes = measured.cases.iter().filter_map(|(case, _)| echo(case));
    Chart {
        title: "Messages of many sizes, one in flight",
        caption: "Lines: there and back, throughput each way. Triangles: one way. Higher is better",
        description,
        x: Axis {
            name: "size of the message (logarithmic)",
            key_points: sizes.collect(),
            label: size_label,
        },
        y: Axis { name: "MB/s (logarithmic)", key_points: Vec::new(), label: short },
        lines: all,
    }
}

fn loss<'a>(measured: &Measured, description: &'a str) -> Chart<'a> {
    /// Where "nothing is lost" stands on an axis that has no zero.
    const NONE: f64 = 0.000_3;
    let place = |loss: f64| if loss > 0.0 { loss } else { NONE };
    let x = |case: &Case| (case.workload == Workload::Call).then(|| place(case.loss));
    let mut all = lines(measured, Figure::P99, Style::Points, Some(""), x);
    all.extend(lines(measured, Figure::P999, Style::Dashed, None, x));
    Chart {
        title: "Null call, one in flight, while packets are lost",
        caption: "Latency over the part that is lost in each direction: p99, and p99.9 dashed (lower is better)",
        description,
        x: Axis {
            name: "lost in each direction (logarithmic)",
            key_points: measured.cases.iter().filter_map(|(case, _)| x(case)).collect(),
            label: |loss| match loss {
                loss if loss <= NONE * 1.1 => "none".to_owned(),
                loss => format!("{} %", short(loss * 100.0)),
            },
        },
        y: Axis { name: "microseconds (logarithmic)", key_points: Vec::new(), label: short },
        lines: all,
    }
}

fn size_label(size: f64) -> String {
    match size {
        size if size < f64::from(1 << 20) => format!("{:.0} KiB", size / 1024.0),
        size => format!("{:.0} MiB", size / f64::from(1 << 20)),
    }
}

/// A number as people write it on an axis.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} M", round(value / 1e6)),
        value if value >= 1e4 => format!("{} k", round(value / 1e3)),
        value => format!("{}", round(value)),
    }
}

/// To two digits behind the point at most.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
