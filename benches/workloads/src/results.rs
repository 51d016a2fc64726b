//! What was measured: by case, by system, by repetition.

use hdrhistogram::Histogram;

use super::measure::{Distribution, Exchanged, Latency, Spread};
use super::system::Workload;

/// One thing that is measured on every system.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it is called in tables.
    pub name: String,
    /// What a system has to be able to do.
    pub workload: Workload,
    /// How much of what is sent is lost in each direction.
    pub loss: f64,
    /// How many there are: in flight, threads, endpoints, bytes.
    pub count: usize,
}

impl Case {
    /// One without loss.
    pub fn new(name: impl Into<String>, workload: Workload, count: usize) -> Self {
        Self { name: name.into(), workload, loss: 0.0, count }
    }
}

/// What one repetition of one case came to on one system.
#[derive(Clone, Debug)]
pub struct Sample {
    /// How long each call took, if they were timed one by one.
    pub distribution: Option<Distribution>,
    /// How many calls there were.
    pub exchanged: Exchanged,
    /// Microseconds of processor time per call, of the client and of the server. `None` where the
    /// system does not say, or where it would say nothing about the calls.
    pub processor: Option<(f64, f64)>,
    /// Bytes by which the memory of the server grew, for each endpoint.
    pub memory: Option<f64>,
}

impl Sample {
    /// Calls that were timed one by one.
    pub fn timed(distribution: Distribution) -> Self {
        let exchanged = distribution.exchanged;
        Self { distribution: Some(distribution), exchanged, processor: None, memory: None }
    }

    /// Calls that were counted.
    pub fn counted(exchanged: Exchanged) -> Self {
        Self { distribution: None, exchanged, processor: None, memory: None }
    }
}

/// What is kept of a [`Sample`]: the distributions of all repetitions are added up.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// How long the calls took.
    pub latency: Option<Latency>,
    /// How many calls there were.
    pub exchanged: Exchanged,
    /// As in [`Sample::processor`].
    pub processor: Option<(f64, f64)>,
    /// As in [`Sample::memory`].
    pub memory: Option<f64>,
}

/// One case on one system.
#[derive(Clone, Debug)]
pub struct Series {
    /// Whose.
    pub system: &'static str,
    /// By repetition. `None`: it failed.
    pub samples: Vec<Option<Kept>>,
    /// How long the calls of all repetitions took, in nanoseconds.
    pub histogram: Option<Histogram<u64>>,
    /// Why there is nothing, or what failed.
    pub remarks: Vec<String>,
}

impl Series {
    /// One without anything.
    pub fn new(system: &'static str) -> Self {
        Self { system, samples: Vec::new(), histogram: None, remarks: Vec::new() }
    }

    /// Adds a repetition.
    pub fn push(&mut self, sample: Sample) {
        let Sample { distribution, exchanged, processor, memory } = sample;
        let latency = distribution.as_ref().map(Distribution::latency);
        self.samples.push(Some(Kept { latency, exchanged, processor, memory }));
        let Some(more) = distribution.map(|distribution| distribution.histogram) else { return };
        match &mut self.histogram {
            Some(histogram) => histogram.add(more).expect("both have the same bounds"),
            none => *none = Some(more),
        }
    }

    /// Adds a repetition that failed.
    pub fn fail(&mut self, remark: String) {
        self.samples.push(None);
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// One figure of every repetition.
    fn figures(&self, figure: Figure, case: &Case) -> impl Iterator<Item = Option<f64>> {
        self.samples.iter().map(move |sample| figure.of(sample.as_ref()?, case))
    }
}

/// A number that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Microseconds in the middle.
    P50,
    /// Microseconds; one in a hundred takes longer.
    P99,
    /// Microseconds; one in a thousand takes longer.
    P999,
    /// Calls per second.
    Rate,
    /// MB (a million bytes) per second each way: the size by the median latency.
    Speed,
    /// Microseconds of the client's processor for each call.
    ClientProcessor,
    /// Microseconds of the server's processor for each call.
    ServerProcessor,
    /// Bytes of the server's memory for each endpoint.
    Memory,
}

impl Figure {
    /// All of them, and what they are called in the results.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::P50, "p50_us"),
        (Self::P99, "p99_us"),
        (Self::P999, "p99.9_us"),
        (Self::Rate, "per_second"),
        (Self::Speed, "mb_per_second_each_way"),
        (Self::ClientProcessor, "client_processor_us_per_call"),
        (Self::ServerProcessor, "server_processor_us_per_call"),
        (Self::Memory, "server_memory_bytes_per_endpoint"),
    ];

    fn of(self, sample: &Kept, case: &Case) -> Option<f64> {
        match self {
            Self::P50 => Some(sample.latency?.p50),
            Self::P99 => Some(sample.latency?.p99),
            Self::P999 => Some(sample.latency?.p999),
            Self::Rate => Some(sample.exchanged.rate()),
            Self::Speed => match case.workload {
                Workload::Echo(bytes) | Workload::Upload(bytes) => {
                    Some(bytes as f64 / sample.latency?.p50)
                }
                _ => None,
            },
            Self::ClientProcessor => Some(sample.processor?.0),
            Self::ServerProcessor => Some(sample.processor?.1),
            Self::Memory => sample.memory,
        }
    }
}

/// Where a number stands: which figure, of which case, of which system.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Counts from the first case.
    pub case: usize,
    /// Its name.
    pub system: &'a str,
    /// Which of its numbers.
    pub figure: Figure,
}

/// Everything about some cases.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Each case with one series for each system.
    pub cases: Vec<(Case, Vec<Series>)>,
}

impl Measured {
    /// One case on one system.
    pub fn series(&self, case: usize, system: &str) -> Option<&Series> {
        self.cases.get(case)?.1.iter().find(|series| series.system == system)
    }

    /// One figure of every repetition. `None` among them: that one failed.
    pub fn figures(&self, place: Place<'_>) -> Option<Vec<Option<f64>>> {
        let case = &self.cases.get(place.case)?.0;
        Some(self.series(place.case, place.system)?.figures(place.figure, case).collect())
    }

    /// One figure over all repetitions. `None` if there is none.
    pub fn spread(&self, place: Place<'_>) -> Option<Spread> {
        let figures: Vec<f64> = self.figures(place)?.into_iter().flatten().collect();
        (!figures.is_empty()).then(|| Spread::of(figures))
    }

    /// One figure as a multiple of another one, within each repetition. `None` if there is none.
    pub fn ratio(&self, place: Place<'_>, of: Place<'_>) -> Option<Spread> {
        let (figures, bases) = (self.figures(place)?, self.figures(of)?);
        let ratios: Vec<f64> = figures
            .into_iter()
            .zip(bases)
            .filter_map(|(figure, base)| Some(figure? / base?))
            .collect();
        (!ratios.is_empty()).then(|| Spread::of(ratios))
    }

    /// The systems, as they are listed.
    pub fn systems(&self) -> Vec<&'static str> {
        let first = self.cases.first().map(|(_, series)| series.as_slice()).unwrap_or_default();
        first.iter().map(|series| series.system).collect()
    }

    /// Why something is missing, each with whom and what it is about.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks: Vec<(String, Vec<&str>)> = Vec::new();
        for (case, series) in &self.cases {
            for series in series {
                for remark in &series.remarks {
                    let remark = format!("{}: {remark}", series.system);
                    match remarks.iter_mut().find(|(known, _)| *known == remark) {
                        Some((_, cases)) => cases.push(&case.name),
                        None => remarks.push((remark, vec![&case.name])),
                    }
                }
            }
        }
        let all = self.cases.len();
        let whole = |(remark, cases): (String, Vec<&str>)| {
            if cases.len() == all { remark } else { format!("{remark} ({})", cases.join(", ")) }
        };
        remarks.into_iter().map(whole).collect()
    }

    /// Whether something failed that should not have.
    pub fn has_failed(&self) -> bool {
        let mut series = self.cases.iter().flat_map(|(_, series)| series);
        series.any(|series| series.samples.iter().any(Option::is_none))
    }
}
