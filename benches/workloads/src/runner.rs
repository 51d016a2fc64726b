//! Measuring every case on every system, in turns.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::process::{Placement, Process, Usage};
use super::results::{Case, Measured, Sample, Series};
use super::settings::Settings;
use super::system::{Client, System};
use super::{Exchanged, Result};

/// What is measured, and how.
pub struct Bench {
    /// In the order of the tables.
    pub systems: Vec<&'static dyn System>,
    /// The command line.
    pub settings: Settings,
    /// Where the two sides run.
    pub placement: Placement,
    progress: ProgressBar,
}

/// A server and a client of it.
pub struct Pair {
    /// Before the server: it ends first.
    pub client: Box<dyn Client>,
    /// A process of its own.
    pub server: Process,
}

impl Bench {
    /// Measures those of the systems that the command line names, or all if it names none.
    ///
    /// # Errors
    /// When it names one that is not there, or this process cannot be bound to its processor.
    pub fn new(systems: &[&'static dyn System], settings: Settings) -> Result<Self> {
        for name in &settings.systems {
            if !systems.iter().any(|system| system.name() == name) {
                let names: Vec<&str> = systems.iter().map(|system| system.name()).collect();
                return Err(format!("there is no system `{name}`, but {}", names.join(", ")).into());
            }
        }
        let wanted = |system: &&&dyn System| {
            settings.systems.is_empty() || settings.systems.iter().any(|it| it == system.name())
        };
        let systems = systems.iter().filter(wanted).copied().collect();
        let placement = Placement::choose();
        placement.pin_client()?;
        let style = "{prefix:12} {wide_bar} {pos}/{len}, {eta} left; {msg:40!}";
        let progress = ProgressBar::new(0);
        progress.set_style(ProgressStyle::with_template(style)?);
        Ok(Self { systems, settings, placement, progress })
    }

    /// Measures every case on every system that can do it. Within each repetition the systems take turns,
    /// case by case, and none always goes first. What fails is noted, and the rest goes on.
    pub fn measure(
        &self,
        title: &'static str,
        cases: Vec<Case>,
        measure: impl FnMut(&'static dyn System, &Case) -> Result<Sample>,
    ) -> Measured {
        self.measure_where(title, cases, |_, _| Ok(()), measure)
    }

    /// The same, where something may make a case impossible that is not the system's fault.
    pub fn measure_where(
        &self,
        title: &'static str,
        cases: Vec<Case>,
        is_possible: impl Fn(&dyn System, &Case) -> core::result::Result<(), String>,
        mut measure: impl FnMut(&'static dyn System, &Case) -> Result<Sample>,
    ) -> Measured {
        let repetitions = self.settings.repetitions() as usize;
        let with_series = |case: Case| {
            let series = self.series(&case, &is_possible);
            (case, series)
        };
        let mut cases: Vec<(Case, Vec<Series>)> = cases.into_iter().map(with_series).collect();
        let able = |series: &Series| series.remarks.is_empty();
        let steps =
            cases.iter().flat_map(|(_, series)| series).filter(|series| able(series)).count();
        self.progress.reset();
        self.progress.set_length((steps * repetitions) as u64);
        self.progress.set_prefix(title);
        let lacking: Vec<Vec<bool>> = cases
            .iter()
            .map(|(_, series)| series.iter().map(|series| !able(series)).collect())
            .collect();
        for repetition in 0..repetitions {
            if self.progress.is_hidden() {
                eprintln!("{title}: repetition {} of {repetitions}", repetition + 1);
            }
            for (number, (case, series)) in cases.iter_mut().enumerate() {
                for turn in 0..self.systems.len() {
                    let place = (turn + repetition + number) % self.systems.len();
                    if lacking[number][place] {
                        continue;
                    }
                    let system = self.systems[place];
                    self.progress.set_message(format!("{}: {}", system.name(), case.name));
                    match measure(system, case) {
                        Ok(sample) => series[place].push(sample),
                        Err(error) => series[place].fail(format!("failed: {error}")),
                    }
                    self.progress.inc(1);
                }
            }
        }
        self.progress.finish_and_clear();
        Measured { cases }
    }

    /// Nothing yet but the reasons why there will be nothing.
    fn series(
        &self,
        case: &Case,
        is_possible: &impl Fn(&dyn System, &Case) -> core::result::Result<(), String>,
    ) -> Vec<Series> {
        let series = self.systems.iter().map(|system| {
            let mut series = Series::new(system.name());
            series.remarks.extend(is_possible(*system, case).err());
            if series.remarks.is_empty() {
                series.remarks.extend(system.lacks(case.workload).map(str::to_owned));
            }
            series
        });
        series.collect()
    }

    /// Starts the server of a system, and nothing else.
    ///
    /// # Errors
    /// When it does not start.
    pub fn serve(&self, system: &dyn System) -> Result<Process> {
        Process::start(system.name(), self.placement.server(), &[])
    }

    /// Starts a server and connects a client.
    ///
    /// # Errors
    /// When one of them fails.
    pub fn pair(&self, system: &dyn System) -> Result<Pair> {
        let server = self.serve(system)?;
        let client = system.connect(server.address())?;
        Ok(Pair { client, server })
    }

    /// How long one measurement takes.
    pub fn time(&self) -> Duration {
        self.settings.time()
    }
}

/// Does something that counts calls, and takes what both sides have used for it. `under_way` of them are
/// waited for after the time is over, and cost as much as the others.
///
/// # Errors
/// What `work` fails with, or when the server does not answer any more.
pub fn with_usage(
    server: &mut Process,
    under_way: usize,
    work: impl FnOnce() -> Result<Sample>,
) -> Result<Sample> {
    let before = Usage::own().zip(server.usage()?);
    let mut sample = work()?;
    let after = Usage::own().zip(server.usage()?);
    let Exchanged { count, .. } = sample.exchanged;
    let per_call = |before: Usage, after: Usage| {
        let used = after.processor.saturating_sub(before.processor);
        used.as_secs_f64() * 1e6 / (count + under_way as u64) as f64
    };
    sample.processor = before.zip(after).map(|((client, server), (client_after, server_after))| {
        (per_call(client, client_after), per_call(server, server_after))
    });
    Ok(sample)
}
