//! What should be reached, and what was.

use comfy_table::Table;
use serde_json::{Value, json};

use super::measure::Spread;
use super::results::{Figure, Measured, Place};
use super::suite::Part;
use super::system::Workload;
use super::table;

/// Ours, and what it is compared with.
const DEFAULT: &str = "farcall";
const BLOCKING: &str = "farcall-blocking";
const SPINNING: &str = "farcall-spinning";
const CORES: &str = "farcall-cores";

/// Something that should be reached, and what was.
#[derive(Clone, Debug)]
pub struct Goal {
    /// What is measured.
    pub name: String,
    /// What that came to.
    pub measured: String,
    /// What it should be.
    pub goal: String,
    /// Whether it is.
    pub is_reached: bool,
}

/// On which side of a number something should be.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// Not above it.
    AtMost(f64),
    /// Not below it.
    AtLeast(f64),
}

impl Goal {
    /// A goal for the median.
    pub fn new(name: impl Into<String>, measured: Spread, bound: Bound) -> Self {
        let (goal, is_reached) = match bound {
            Bound::AtMost(most) => (format!("at most {most}"), measured.median <= most),
            Bound::AtLeast(least) => (format!("at least {least}"), measured.median >= least),
        };
        Self { name: name.into(), measured: measured.to_string(), goal, is_reached }
    }

    /// For the results.
    pub fn json(&self) -> Value {
        let Self { name, measured, goal, is_reached } = self;
        json!({ "name": name, "measured": measured, "goal": goal, "is_reached": is_reached })
    }
}

/// All of them.
pub fn table(goals: &[Goal]) -> Table {
    let mut table = table::empty(["", "measured", "goal", ""]);
    for Goal { name, measured, goal, is_reached } in goals {
        let verdict = if *is_reached { "reached" } else { "MISSED" };
        table.add_row([name.as_str(), measured, goal, verdict]);
    }
    table
}

/// The goals of a part, as far as the systems that they compare were measured. `peers` are those that are
/// neither ours nor a floor.
pub(crate) fn of(part: Part, measured: &Measured, peers: &[&str]) -> Vec<Goal> {
    let goals = Goals { measured, peers };
    let all = match part {
        Part::Latency => goals.latency(),
        Part::Throughput => goals.throughput(),
        Part::Payload => goals.payload(),
        Part::Crowd => goals.crowd(),
        Part::Loss => goals.loss(),
        Part::Mixed => goals.mixed(),
    };
    all.into_iter().flatten().collect()
}

struct Goals<'a> {
    measured: &'a Measured,
    peers: &'a [&'a str],
}

impl Goals<'_> {
    /// A figure of one system as a multiple of another one's.
    fn beside(
        &self,
        what: &str,
        figure: Figure,
        case: usize,
        (system, of): (&str, &str),
        bound: Bound,
    ) -> Option<Goal> {
        let place = |system| Place { case, system, figure };
        let ratio = self.measured.ratio(place(system), place(of))?;
        Some(Goal::new(format!("{what}: {system}, of {of}'s"), ratio, bound))
    }

    /// Where a case stands.
    fn case(&self, wanted: impl Fn(Workload, usize, f64) -> bool) -> Option<usize> {
        let mut cases = self.measured.cases.iter();
        cases.position(|(case, _)| wanted(case.workload, case.count, case.loss))
    }

    /// The best of the peers by the median: `most` says whether more is better.
    fn best(&self, case: usize, figure: Figure, most: bool) -> Option<&str> {
        let known = self.peers.iter().filter_map(|system| {
            Some((*system, self.measured.spread(Place { case, system, figure })?.median))
        });
        let order = |one: &(&str, f64), other: &(&str, f64)| one.1.total_cmp(&other.1);
        let best = if most { known.max_by(order) } else { known.min_by(order) };
        best.map(|(system, _)| system)
    }

    fn latency(&self) -> Vec<Option<Goal>> {
        let what = "W1: null call, p50";
        let same = Bound::AtMost(1.25);
        let best = self.best(0, Figure::P50, false);
        vec![
            self.beside(what, Figure::P50, 0, (BLOCKING, "udp-blocking"), same),
            self.beside(what, Figure::P50, 0, (SPINNING, "udp-spinning"), same),
            best.and_then(|best| {
                self.beside(what, Figure::P50, 0, (DEFAULT, best), Bound::AtMost(0.2))
            }),
        ]
    }

    fn throughput(&self) -> Vec<Option<Goal>> {
        let goal = |workload, count, least| {
            let case = self.case(|other, number, _| (other, number) == (workload, count))?;
            let best = self.best(case, Figure::Rate, true)?;
            let what = format!("W2: calls/s, {}", self.measured.cases[case].0.name);
            self.beside(&what, Figure::Rate, case, (DEFAULT, best), Bound::AtLeast(least))
        };
        vec![goal(Workload::Stream, 256, 5.0), goal(Workload::Threads, 8, 2.0)]
    }

    fn payload(&self) -> Vec<Option<Goal>> {
        let pair = (DEFAULT, "tcp");
        let goal = |what: &str, figure, workload, bound| {
            let case = self.case(|other, _, _| other == workload)?;
            self.beside(what, figure, case, pair, bound)
        };
        let upload = Workload::Upload(16 << 20);
        vec![
            goal("W3: upload of 16 MiB, MB/s", Figure::Speed, upload, Bound::AtLeast(1.0)),
            goal(
                "W3: echo of 1 MiB, p50",
                Figure::P50,
                Workload::Echo(1 << 20),
                Bound::AtMost(1.0),
            ),
            goal(
                "W3: echo of 64 KiB, p50",
                Figure::P50,
                Workload::Echo(64 << 10),
                Bound::AtMost(1.1),
            ),
        ]
    }

    fn crowd(&self) -> Vec<Option<Goal>> {
        let goal = |(system, case): (&str, usize)| {
            let what = format!("W4: calls/s, {}", self.measured.cases[case].0.name);
            let bound = Bound::AtLeast(0.75);
            self.beside(&what, Figure::Rate, case, (system, "mio-echo"), bound)
        };
        let cases = 0..self.measured.cases.len();
        cases.flat_map(|case| [(DEFAULT, case), (CORES, case)]).map(goal).collect()
    }

    fn loss(&self) -> Vec<Option<Goal>> {
        let call = |part| self.case(|workload, _, loss| workload == Workload::Call && loss == part);
        let tail = |figure, name: &str, peer, bound| {
            let what = format!("W5: null call, {name} at 1 % loss");
            self.beside(&what, figure, call(0.01)?, (DEFAULT, peer), Bound::AtMost(bound))
        };
        let mut goals = Vec::new();
        for (name, figure) in [("p99", Figure::P99), ("p99.9", Figure::P999)] {
            for (peer, bound) in [("tonic", 0.05), ("tarpc", 0.05), ("quinn", 0.25)] {
                goals.push(tail(figure, name, peer, bound));
            }
        }
        goals.push(self.rate_under_loss(call(0.0)));
        goals
    }

    /// 64 calls in flight at 5 % loss beside synchronous calls without loss.
    fn rate_under_loss(&self, without: Option<usize>) -> Option<Goal> {
        let figure = Figure::Rate;
        let case = self.case(|workload, count, loss| {
            (workload, count) == (Workload::Stream, 64) && loss == 0.05
        })?;
        let place = |case| Place { case, system: DEFAULT, figure };
        let ratio = self.measured.ratio(place(case), place(without?))?;
        let name = "W5: farcall's calls/s, 64 in flight at 5 % loss, of one in flight without loss";
        Some(Goal::new(name, ratio, Bound::AtLeast(0.5)))
    }

    fn mixed(&self) -> Vec<Option<Goal>> {
        let goal = |case: usize| {
            let place = |case| Place { case, system: DEFAULT, figure: Figure::P99 };
            let ratio = self.measured.ratio(place(case), place(0))?;
            let name =
                format!("W6: null call, p99 {}, of that alone", self.measured.cases[case].0.name);
            Some(Goal::new(name, ratio, Bound::AtMost(3.0)))
        };
        (1..self.measured.cases.len()).map(goal).collect()
    }
}
