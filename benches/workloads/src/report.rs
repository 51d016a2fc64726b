//! The results as tables, as JSON and as pictures.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use comfy_table::Table;
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::goals::{self, Goal};
use super::machine::Machine;
use super::measure::Spread;
use super::results::{Case, Figure, Measured, Place, Series};
use super::runner::Bench;
use super::suite::Part;
use super::system::Role;
use super::{Result, picture, table};

/// What was measured about one thing.
#[derive(Clone, Debug)]
pub struct Section {
    /// What it is called in the results.
    pub name: &'static str,
    /// Tables, each with what it is about.
    pub tables: Vec<(String, Table)>,
    /// What has to be said about them.
    pub remarks: Vec<String>,
    /// What should be reached.
    pub goals: Vec<Goal>,
    /// Everything.
    pub json: Value,
}

/// Everything that was measured, and how.
pub struct Report {
    machine: Machine,
    /// Name and settings of each system.
    systems: Vec<(&'static str, String)>,
    peers: Vec<&'static str>,
    sections: Vec<Section>,
    pictures: Vec<(Part, Measured)>,
    failures: Vec<String>,
}

impl Report {
    /// A report without results.
    pub fn new(machine: Machine, bench: &Bench) -> Self {
        let peers = bench.systems.iter().filter(|system| system.role() == Role::Peer);
        Self {
            machine,
            systems: bench.systems.iter().map(|it| (it.name(), it.settings())).collect(),
            peers: peers.map(|system| system.name()).collect(),
            sections: Vec::new(),
            pictures: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Adds something that is measured elsewhere.
    pub fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// Measures a part and adds what it came to. Says why if that is not possible here.
    pub fn measure(&mut self, part: Part, bench: &Bench) {
        let mut section = Section {
            name: part.name(),
            tables: Vec::new(),
            remarks: Vec::new(),
            goals: Vec::new(),
            json: Value::Null,
        };
        match part.run(bench) {
            Err(reason) => {
                let reason = reason.to_string();
                eprintln!("{} is skipped: {reason}", part.name());
                section.remarks.push(format!("{} was skipped: {reason}", part.name()));
                section.json = json!({ "skipped": reason });
            }
            Ok(measured) => {
                section.tables = table::tables(part, &measured);
                section.remarks = measured.remarks();
                section.goals = goals::of(part, &measured, &self.peers);
                section.json = json!(
                    measured
                        .cases
                        .iter()
                        .enumerate()
                        .map(|(number, (case, all))| { case_json(&measured, number, case, all) })
                        .collect::<Vec<_>>()
                );
                if measured.has_failed() {
                    self.failures.push(part.name().to_owned());
                }
                self.pictures.push((part, measured));
            }
        }
        self.sections.push(section);
    }

    /// Prints everything, and writes it into a folder.
    ///
    /// # Errors
    /// When that cannot be written to, or when something that was measured has failed.
    pub fn publish(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let text = self.text()?;
        println!("{text}");
        fs::write(folder.join("results.md"), &text)?;
        fs::write(folder.join("results.json"), format!("{:#}\n", self.json()))?;
        let mut files = vec!["results.md".to_owned(), "results.json".to_owned()];
        for (part, measured) in &self.pictures {
            files.extend(picture::draw(*part, measured, &self.machine.description, folder)?);
        }
        println!("written to {}: {}", folder.display(), files.join(", "));
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(format!("something failed, see the remarks: {}", self.failures.join(", ")).into())
    }

    fn text(&self) -> Result<String> {
        let mut text = String::new();
        writeln!(text, "{}\n", self.machine.description)?;
        for (name, settings) in &self.systems {
            writeln!(text, "- `{name}`: {settings}")?;
        }
        for section in &self.sections {
            for (title, table) in &section.tables {
                writeln!(text, "\n### {title}\n\n{table}")?;
            }
            if !section.remarks.is_empty() {
                writeln!(text)?;
            }
            for remark in &section.remarks {
                writeln!(text, "- {remark}")?;
            }
        }
        let goals = self.goals();
        if !goals.is_empty() {
            writeln!(text, "\n### Goals\n\n{}", goals::table(&goals))?;
        }
        Ok(text)
    }

    fn goals(&self) -> Vec<Goal> {
        self.sections.iter().flat_map(|section| section.goals.clone()).collect()
    }

    fn json(&self) -> Value {
        let sections = self.sections.iter().map(|it| (it.name.to_owned(), it.json.clone()));
        let systems =
            self.systems.iter().map(|(name, settings)| ((*name).to_owned(), json!(settings)));
        json!({
            "setting": self.machine.setting,
            "systems": systems.collect::<Map<String, Value>>(),
            "results": sections.collect::<Map<String, Value>>(),
            "goals": self.goals().iter().map(Goal::json).collect::<Vec<_>>(),
        })
    }
}

/// One figure over all repetitions.
pub fn spread_json(spread: Spread) -> Value {
    json!({ "median": spread.median, "least": spread.minimum, "most": spread.maximum })
}

/// The distribution of all repetitions together.
fn percentiles_json(histogram: &Histogram<u64>) -> Value {
    let points = [0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0];
    let value = |percentile: f64| histogram.value_at_percentile(percentile) as f64 / 1000.0;
    json!(points.map(|percentile| json!({ "percentile": percentile, "us": value(percentile) })))
}

fn case_json(measured: &Measured, number: usize, case: &Case, all: &[Series]) -> Value {
    let systems = all.iter().map(|series| {
        let mut value = Map::new();
        for (figure, name) in Figure::ALL {
            let place = Place { case: number, system: series.system, figure };
            if let Some(spread) = measured.spread(place) {
                let mut spread = spread_json(spread);
                spread["repetitions"] = json!(measured.figures(place));
                value.insert(name.to_owned(), spread);
            }
        }
        let calls: u64 = series.samples.iter().flatten().map(|it| it.exchanged.count).sum();
        value.insert("calls".to_owned(), json!(calls));
        if let Some(histogram) = &series.histogram {
            value.insert("all_repetitions_us".to_owned(), percentiles_json(histogram));
        }
        if !series.remarks.is_empty() {
            value.insert("remarks".to_owned(), json!(series.remarks));
        }
        (series.system.to_owned(), Value::Object(value))
    });
    json!({
        "case": case.name,
        "count": case.count,
        "lost_each_way": case.loss,
        "systems": systems.collect::<Map<String, Value>>(),
    })
}
