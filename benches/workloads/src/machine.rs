//! Where and when something was measured.

use std::fs;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::process::{self, Placement};
use super::settings::Settings;

/// The most programs that may have been running on average before, for the machine to count as idle.
const IDLE_LOAD: f64 = 0.5;

/// The machine, and how it is used.
#[derive(Clone, Debug)]
pub struct Machine {
    /// For the results.
    pub setting: Value,
    /// For people.
    pub description: String,
}

impl Machine {
    /// What can be found out. Warns when other programs are running.
    pub fn look(settings: &Settings, placement: &Placement) -> Self {
        let processors = online();
        let bound = match placement.cores {
            Some((client, server)) => format!("client on processor {client}, server on {server}"),
            None => "not bound to processors".to_owned(),
        };
        let load = process::load();
        if load.is_some_and(|load| load > IDLE_LOAD) {
            eprintln!("other programs are running here: times mean little, ratios a little more");
        }
        let date = DateTime::<Utc>::from(SystemTime::now()).format("%Y-%m-%d").to_string();
        let model = line("/proc/cpuinfo", "model name").unwrap_or_else(|| "processor".to_owned());
        let system = match fs::read_to_string("/proc/sys/kernel/osrelease") {
            Ok(release) => format!("{} {}", std::env::consts::OS, release.trim()),
            Err(_) => std::env::consts::OS.to_owned(),
        };
        let (repetitions, time) = (settings.repetitions(), settings.time());
        Self {
            setting: json!({
                "date": date,
                "system": system,
                "architecture": std::env::consts::ARCH,
                "processor": model,
                "processors": processors,
                "client_processor": placement.cores.map(|(client, _)| client),
                "server_processor": placement.cores.map(|(_, server)| server),
                "repetitions": repetitions,
                "seconds_per_measurement": time.as_secs_f64(),
                "load_before": load,
            }),
            description: format!(
                "{date}, {model} ({processors}), {system}; two processes over loopback, {bound}; medians of \
                 {repetitions} repetitions, least to most; load before: {}",
                load.map_or("unknown".to_owned(), |load| format!("{load:.1}"))
            ),
        }
    }
}

/// How many processors there are, whether this process may use them or not.
fn online() -> usize {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let count = known.lines().filter(|line| line.starts_with("processor")).count();
    if count > 0 { count } else { std::thread::available_parallelism().map_or(1, usize::from) }
}

/// What follows the colon in the first line that begins with `key`.
fn line(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
