//! Throughput over the size of the message, as a picture.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::payload::{Beside, Kind, Payload, SIZES};
use farcall_workloads::Result;
use farcall_workloads::measure::Spread;

const SIZE: (u32, u32) = (1000, 600);
const TCP: RGBColor = RGBColor(158, 158, 158);
const FARCALL: RGBColor = RGBColor(0, 114, 178);
/// Half the length of the line across the end of a whisker, as a factor on the logarithmic axis, and
/// how far the two series stand apart, so that neither hides the other's.
const TIP: f64 = 1.06;
const APART: f64 = 1.07;
/// How far uploads stand beside the echoes of their size.
const ONE_WAY: f64 = 1.35;

/// A name, a colour, how far aside it stands, and which figure it is about.
type Series = (&'static str, RGBColor, f64, fn(&Beside) -> Spread);

/// Draws echoes as lines and the upload as a mark of its own.
pub(crate) fn draw(payload: &Payload, description: &str, file: &Path) -> Result<()> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let title = ("sans-serif", 24).into_font().style(FontStyle::Bold);
    let root = root.titled("Large messages: farcall beside a TCP stream", title)?;
    let (root, foot) = root.split_vertically(SIZE.1 as i32 - 80);
    let small = ("sans-serif", 14).into_font().color(&BLACK.mix(0.7));
    let centred = small.pos(Pos::new(HPos::Center, VPos::Top));
    foot.draw(&Text::new(description.to_owned(), (SIZE.0 as i32 / 2, 4), centred))?;

    let figures: Vec<(Kind, Beside)> =
        Kind::all().map(|kind| (kind, payload.throughput(kind))).collect();
    let spreads = || figures.iter().flat_map(|(_, value)| [value.tcp, value.farcall]);
    let lowest = spreads().map(|spread| spread.minimum).fold(f64::INFINITY, f64::min);
    let highest = spreads().map(|spread| spread.maximum).fold(0.0, f64::max);
    let sizes = (SIZES[0] as f64 / 2.0)..(SIZES[SIZES.len() - 1] as f64 * 2.0);
    let range = (lowest / 2.0)..(highest * 2.0);
    let mut chart = ChartBuilder::on(&root)
        .caption("Throughput each way, one in flight (higher is better)", ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(80)
        // Sizes are powers of two.
        .build_cartesian_2d(
            sizes.log_scale().base(2.0).with_key_points(SIZES.map(|size| size as f64).to_vec()),
            range.log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("size of the message (logarithmic)")
        .y_desc("MB/s (logarithmic)")
        .x_label_formatter(&|size| size_label(*size))
        .y_label_formatter(&|rate| rate_label(*rate))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    let series: [Series; 2] = [
        ("TCP, std, no delay", TCP, 1.0 / APART, |value| value.tcp),
        ("farcall", FARCALL, APART, |value| value.farcall),
    ];
    for (name, color, aside, spread) in series {
        let points = || {
            figures.iter().map(|(kind, value)| (*kind, kind.size() as f64 * aside, spread(value)))
        };
        let echoes = points().filter(|(kind, ..)| matches!(kind, Kind::Echo(_)));
        let line: Vec<_> = echoes.clone().map(|(_, size, s)| (size, s.median)).collect();
        chart
            .draw_series([PathElement::new(line, color.stroke_width(2))])?
            .label(format!("{name}: there and back"))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        let marks = echoes.map(|(_, size, s)| Circle::new((size, s.median), 4, color.filled()));
        chart.draw_series(marks)?;
        // Beside the echo of the same size.
        let uploads = points().filter(|(kind, ..)| matches!(kind, Kind::Upload));
        let marks = uploads.map(|(_, size, spread)| {
            TriangleMarker::new((size * ONE_WAY, spread.median), 7, color.filled())
        });
        chart
            .draw_series(marks)?
            .label(format!("{name}: one way"))
            .legend(move |(x, y)| TriangleMarker::new((x + 8, y), 6, color.filled()));
        let whiskers = points().flat_map(|(kind, size, Spread { minimum, maximum, .. })| {
            let size = if matches!(kind, Kind::Upload) { size * ONE_WAY } else { size };
            let tip = |end: f64| vec![(size / TIP, end), (size * TIP, end)];
            [vec![(size, minimum), (size, maximum)], tip(minimum), tip(maximum)]
        });
        chart.draw_series(whiskers.map(|line| PathElement::new(line, color.stroke_width(1))))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 15))
        .draw()?;
    root.present()?;
    Ok(())
}

fn size_label(size: f64) -> String {
    match size {
        size if size < f64::from(1 << 20) => format!("{:.0} KiB", size / 1024.0),
        size => format!("{:.0} MiB", size / f64::from(1 << 20)),
    }
}

fn rate_label(rate: f64) -> String {
    match rate {
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => format!("{rate:.0}"),
    }
}
