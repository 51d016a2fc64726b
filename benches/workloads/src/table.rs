//! The results as tables: a row for each system.

use comfy_table::{CellAlignment, Table, presets};

use super::measure::Spread;
use super::results::{Case, Figure, Measured, Place};
use super::suite::Part;
use super::system::Workload;

/// What stands where there is no figure.
const NOTHING: &str = "–";

/// The floors that others are compared with, if they take part.
const BASES: [&str; 4] = ["udp-blocking", "udp-spinning", "mio-echo", "tcp"];

/// What a column shows.
struct Column<'a> {
    title: String,
    case: usize,
    figure: Figure,
    of: Of<'a>,
}

/// What a figure is divided by.
#[derive(Clone, Copy)]
enum Of<'a> {
    Nothing,
    /// The same figure of another system.
    System(&'a str),
    /// The same figure of another case.
    Case(usize),
}

/// The tables about a part, each with what it is about.
pub(crate) fn tables(part: Part, measured: &Measured) -> Vec<(String, Table)> {
    let all = match part {
        Part::Latency => latency(measured),
        Part::Throughput => throughput(measured),
        Part::Payload => payload(measured),
        Part::Crowd => crowd(measured),
        Part::Loss => loss(measured),
        Part::Mixed => mixed(measured),
    };
    let all = all.into_iter().map(|(title, columns)| (title, table(measured, &columns)));
    all.filter_map(|(title, table)| Some((title, table?))).collect()
}

/// A table in the style of all of them.
pub fn empty<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(header.into_iter().map(Into::into).collect::<Vec<String>>());
    table
}

/// Puts figures under each other: all columns but the first.
pub fn align(table: &mut Table) {
    for column in 1..table.column_count() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// `None`: there is not one figure.
fn table(measured: &Measured, columns: &[Column<'_>]) -> Option<Table> {
    let header = [String::new()].into_iter().chain(columns.iter().map(|it| it.title.clone()));
    let mut table = empty(header);
    let mut is_empty = true;
    for system in measured.systems() {
        let cells: Vec<Option<Spread>> =
            columns.iter().map(|column| column.cell(measured, system)).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        is_empty = false;
        let text = |cell: Option<Spread>| cell.map_or(NOTHING.to_owned(), |it| it.to_string());
        let row = [system.to_owned()].into_iter().chain(cells.into_iter().map(text));
        table.add_row(row.collect::<Vec<String>>());
    }
    align(&mut table);
    (!is_empty).then_some(table)
}

impl Column<'_> {
    fn cell(&self, measured: &Measured, system: &str) -> Option<Spread> {
        let Self { case, figure, of, .. } = *self;
        let place = Place { case, system, figure };
        match of {
            Of::Nothing => measured.spread(place),
            Of::System(base) => measured.ratio(place, Place { system: base, ..place }),
            Of::Case(base) => measured.ratio(place, Place { case: base, ..place }),
        }
    }
}

/// Those of the bases that have been measured in a case.
fn bases(measured: &Measured, case: usize) -> impl Iterator<Item = &'static str> {
    let known = move |base: &&str| {
        let series = measured.series(case, base);
        series.is_some_and(|series| series.samples.iter().any(Option::is_some))
    };
    BASES.into_iter().filter(known)
}

type Columns = (String, Vec<Column<'static>>);

/// One figure of many cases.
fn over<'a>(
    measured: &Measured,
    figure: Figure,
    of: Of<'static>,
    wanted: impl Fn(&Case) -> bool + 'a,
) -> Vec<Column<'static>> {
    let cases = measured.cases.iter().enumerate().filter(|(_, (case, _))| wanted(case));
    cases.map(|(case, (what, _))| Column { title: what.name.clone(), case, figure, of }).collect()
}

/// One figure of all cases, and how it compares with the floors.
fn with_ratios(
    measured: &Measured,
    title: &str,
    figure: Figure,
    bases: &[&'static str],
) -> Vec<Columns> {
    let mut all = vec![(title.to_owned(), over(measured, figure, Of::Nothing, |_| true))];
    for base in bases {
        let columns = over(measured, figure, Of::System(base), |_| true);
        all.push((format!("{title}, of {base}'s"), columns));
    }
    all
}

fn latency(measured: &Measured) -> Vec<Columns> {
    let cases = measured.cases.iter().enumerate();
    cases.map(|(case, (what, _))| latency_of(measured, case, &what.name)).collect()
}

fn latency_of(measured: &Measured, case: usize, name: &str) -> Columns {
    let column = |title: &str, figure, of| Column { title: title.to_owned(), case, figure, of };
    let mut columns = vec![
        column("p50, µs", Figure::P50, Of::Nothing),
        column("p99, µs", Figure::P99, Of::Nothing),
        column("p99.9, µs", Figure::P999, Of::Nothing),
        column("client, µs/call", Figure::ClientProcessor, Of::Nothing),
        column("server, µs/call", Figure::ServerProcessor, Of::Nothing),
    ];
    columns.extend(
        bases(measured, case)
            .map(|base| column(&format!("p50, of {base}'s"), Figure::P50, Of::System(base))),
    );
    (format!("W1: null call, {name}"), columns)
}

fn throughput(measured: &Measured) -> Vec<Columns> {
    let bases = ["mio-echo", "tcp"];
    let mut all = with_ratios(measured, "W2: null calls per second", Figure::Rate, &bases);
    for (title, figure) in [
        ("W2: processor time of the client, µs/call", Figure::ClientProcessor),
        ("W2: processor time of the server, µs/call", Figure::ServerProcessor),
    ] {
        all.push((title.to_owned(), over(measured, figure, Of::Nothing, |_| true)));
    }
    all
}

fn payload(measured: &Measured) -> Vec<Columns> {
    let mut all = with_ratios(measured, "W3: one message, p50, µs", Figure::P50, &["tcp"]);
    let speed = over(measured, Figure::Speed, Of::Nothing, |_| true);
    all.push(("W3: one message in flight, MB/s each way".to_owned(), speed));
    all
}

fn crowd(measured: &Measured) -> Vec<Columns> {
    let bases = ["mio-echo"];
    let title = "W4: null calls per second of many clients";
    let mut all = with_ratios(measured, title, Figure::Rate, &bases);
    let memory = over(measured, Figure::Memory, Of::Nothing, |_| true);
    all.push((
        "W4: most memory of the server while they call, bytes per client".to_owned(),
        memory,
    ));
    all
}

fn loss(measured: &Measured) -> Vec<Columns> {
    let call = |case: &Case| case.workload == Workload::Call;
    let figures = [("p50", Figure::P50), ("p99", Figure::P99), ("p99.9", Figure::P999)];
    let mut all: Vec<Columns> = figures
        .into_iter()
        .map(|(name, figure)| {
            let title = format!("W5: {name} while packets are lost in each direction, µs");
            (title, over(measured, figure, Of::Nothing, call))
        })
        .collect();
    let kinds = measured.cases.iter().map(|(case, _)| (case.workload, case.count));
    let mut seen = Vec::new();
    for kind in kinds.filter(|kind| kind.0 != Workload::Call) {
        if seen.contains(&kind) {
            continue;
        }
        seen.push(kind);
        let same = move |case: &Case| (case.workload, case.count) == kind;
        let title = "W5: calls per second while packets are lost in each direction";
        all.push((title.to_owned(), over(measured, Figure::Rate, Of::Nothing, same)));
    }
    all
}

fn mixed(measured: &Measured) -> Vec<Columns> {
    let figures = [("p50", Figure::P50), ("p99", Figure::P99), ("p99.9", Figure::P999)];
    let table = |(name, figure)| {
        let mut columns = over(measured, figure, Of::Nothing, |_| true);
        for (case, (what, _)) in measured.cases.iter().enumerate().skip(1) {
            let title = format!("{}, of that alone", what.name);
            columns.push(Column { title, case, figure, of: Of::Case(0) });
        }
        (format!("W6: null call, {name}, µs"), columns)
    };
    figures.into_iter().map(table).collect()
}
