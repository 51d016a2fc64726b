//! Lines on logarithmic axes.

use core::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Result;
use crate::measure::Spread;

const SIZE: (u32, u32) = (1200, 640);
/// How much of that the names of the lines have, beside the chart, and the description, below it.
const NAMES: i32 = 250;
const FOOT: i32 = 40;
/// How far below one name the next one stands.
const LINE: i32 = 26;
/// Half the length of the line across the end of a whisker, as a factor on the axis.
const TIP: f64 = 1.03;

/// A picture.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    /// What is better.
    pub(super) caption: &'a str,
    pub(super) description: &'a str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
}

/// An axis. Its length comes from what is drawn.
pub(super) struct Axis {
    pub(super) name: &'static str,
    /// Where there is a label. None: at one, two and five times each power of ten.
    pub(super) key_points: Vec<f64>,
    pub(super) label: fn(f64) -> String,
}

impl Axis {
    fn places(&self, range: &Range<f64>) -> Vec<f64> {
        if !self.key_points.is_empty() {
            return self.key_points.clone();
        }
        let powers = (-6..12).map(|power| 10_f64.powi(power));
        let places = powers.flat_map(|power| [power, 2.0 * power, 5.0 * power]);
        places.filter(|place| range.contains(place)).collect()
    }
}

/// What belongs together.
pub(super) struct Line {
    /// None: another line of the same colour says it.
    pub(super) name: Option<String>,
    pub(super) color: RGBColor,
    pub(super) style: Style,
    pub(super) points: Vec<(f64, Spread)>,
}

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A curve through a great many points.
    Curve,
    /// Points that are connected, with whiskers from the least to the most.
    Points,
    /// The same, dashed.
    Dashed,
    /// Points that have nothing to do with each other.
    Marks,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

impl Chart<'_> {
    /// Draws it, if there is something to draw.
    pub(super) fn draw(&self, file: &Path) -> Result<()> {
        let Some((x, y)) = self.ranges() else { return Ok(()) };
        let root = SVGBackend::new(file, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let bold = ("sans-serif", 24).into_font().style(FontStyle::Bold);
        let root = root.titled(self.title, bold)?;
        let (root, foot) = root.split_vertically(root.dim_in_pixel().1 as i32 - FOOT);
        let small = ("sans-serif", 13).into_font().color(&BLACK.mix(0.7));
        let centred = small.pos(Pos::new(HPos::Center, VPos::Top));
        foot.draw(&Text::new(self.description.to_owned(), (SIZE.0 as i32 / 2, 4), centred))?;
        let (area, names) = root.split_horizontally(SIZE.0 as i32 - NAMES);
        self.draw_lines(&area, x, y)?;
        self.draw_names(&names)?;
        root.present()?;
        Ok(())
    }

    /// From the least to the most on both axes, with some room around.
    fn ranges(&self) -> Option<(Range<f64>, Range<f64>)> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let values = || points().flat_map(|(_, spread)| [spread.minimum, spread.maximum]);
        let range = |least: f64, most: f64, room: f64| least / room..most * room;
        points().next()?;
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let x = |()| points().map(|(x, _)| *x);
        Some((
            range(least(&mut x(())), most(&mut x(())), 1.2),
            range(least(&mut values()), most(&mut values()), 1.5),
        ))
    }

    fn draw_lines(&self, area: &Area<'_>, x: Range<f64>, y: Range<f64>) -> Result<()> {
        let mut chart = ChartBuilder::on(area)
            .caption(self.caption, ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(84)
            .build_cartesian_2d(
                x.clone().log_scale().with_key_points(self.x.places(&x)),
                y.clone().log_scale().with_key_points(self.y.places(&y)),
            )?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(self.x.name)
            .y_desc(self.y.name)
            .x_label_formatter(&|value| (self.x.label)(*value))
            .y_label_formatter(&|value| (self.y.label)(*value))
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        for Line { color, style, points, .. } in &self.lines {
            let medians: Vec<(f64, f64)> = points.iter().map(|(x, s)| (*x, s.median)).collect();
            let stroke = color.stroke_width(2);
            match style {
                Style::Curve | Style::Points => {
                    chart.draw_series([PathElement::new(medians.clone(), stroke)])?;
                }
                Style::Dashed => {
                    let line = DashedLineSeries::new(medians.clone(), 6, 5, stroke);
                    chart.draw_series(line)?;
                }
                Style::Marks => {}
            }
            if *style == Style::Curve {
                continue;
            }
            if *style == Style::Marks {
                let mark = |point| TriangleMarker::new(point, 7, color.filled());
                chart.draw_series(medians.into_iter().map(mark))?;
            } else {
                let mark = |point| Circle::new(point, 4, color.filled());
                chart.draw_series(medians.into_iter().map(mark))?;
            }
            let whiskers = points.iter().flat_map(|(x, Spread { minimum, maximum, .. })| {
                let tip = |end: f64| vec![(x / TIP, end), (x * TIP, end)];
                [vec![(*x, *minimum), (*x, *maximum)], tip(*minimum), tip(*maximum)]
            });
            let whisker = |line| PathElement::new(line, color.stroke_width(1));
            chart.draw_series(whiskers.map(whisker))?;
        }
        Ok(())
    }

    /// The names stand beside the chart, where they hide nothing.
    fn draw_names(&self, area: &Area<'_>) -> Result<()> {
        let text = ("sans-serif", 15).into_font().color(&BLACK);
        let text = text.pos(Pos::new(HPos::Left, VPos::Center));
        let named = self.lines.iter().filter_map(|line| Some((line, line.name.clone()?)));
        for (number, (Line { color, style, .. }, name)) in named.enumerate() {
            let y = 60 + LINE * number as i32;
            match style {
                Style::Marks => area.draw(&TriangleMarker::new((14, y), 7, color.filled()))?,
                Style::Dashed => {
                    area.draw(&PathElement::new([(2, y), (11, y)], color.stroke_width(2)))?;
                    area.draw(&PathElement::new([(17, y), (26, y)], color.stroke_width(2)))?;
                }
                Style::Curve | Style::Points => {
                    area.draw(&PathElement::new([(2, y), (26, y)], color.stroke_width(2)))?;
                }
            }
            area.draw(&Text::new(name, (34, y), text.clone()))?;
        }
        Ok(())
    }
}
