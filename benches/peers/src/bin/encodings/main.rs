//! What encoding and decoding cost in farcall, in formats that users know, and written by hand.
//!
//! `cargo run --release --bin encodings`. Every format encodes the same values, into memory of the message's own,
//! whose size is known beforehand where the format takes it; every decoded value is compared with the original.
//! The formats take turns within each repetition, and ratios are taken within a repetition.
//!
//! | name | what it is |
//! |---|---|
//! | `by hand` | the bytes of XDR, written and read without a library for just this type, as fast as that goes |
//! | `by hand, by field` | the same as most people write it |
//! | `farcall` | XDR, as `#[derive(Marshal)]` makes it |
//! | `postcard` | integers of variable length, through serde |
//! | `wincode` | the format of bincode; bincode itself is no longer maintained |
//! | `bitcode` | by columns, packed |
//! | `prost` | protocol buffers |

mod by_field;
mod by_hand;
mod contestant;
mod formats;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use farcall_workloads::machine::Machine;
use farcall_workloads::process::Placement;
use farcall_workloads::report::spread_json;
use farcall_workloads::settings::Settings;
use farcall_workloads::{Result, Spread, table};
use serde_json::{Value, json};

use self::contestant::{Contestant, Timed};

/// Measures what encoding and decoding cost.
#[derive(Debug, Parser)]
struct Arguments {
    /// Measures for a shorter time: good enough to see whether it works
    #[arg(long)]
    quick: bool,

    /// How often each measurement is repeated
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,

    /// The folder into which the results are written
    #[arg(long, value_name = "FOLDER", default_value_os_t = folder())]
    out: PathBuf,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/encodings")
}

/// One value in all formats. The first of them is what the others are compared with.
struct Subject {
    name: &'static str,
    contestants: Vec<Contestant>,
    /// By contestant, by repetition.
    timed: Vec<Vec<Timed>>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let placement = Placement::choose();
    let setting = setting(&arguments, &placement)?;
    placement.pin_client()?;
    let mut subjects: Vec<Subject> = formats::all()?
        .into_iter()
        .map(|(name, contestants)| {
            let timed = contestants.iter().map(|_| Vec::new()).collect();
            Subject { name, contestants, timed }
        })
        .collect();
    for repetition in 0..arguments.repetitions as usize {
        eprintln!("repetition {} of {}", repetition + 1, arguments.repetitions);
        for subject in &mut subjects {
            let count = subject.contestants.len();
            // None always goes first.
            for place in (0..count).map(|turn| (turn + repetition) % count) {
                let timed = subject.contestants[place].measure(arguments.quick);
                subject.timed[place].push(timed);
            }
        }
    }
    publish(&subjects, &setting, &arguments.out)
}

/// Where and when this is measured.
fn setting(arguments: &Arguments, placement: &Placement) -> Result<Value> {
    #[derive(Parser)]
    struct Shared {
        #[command(flatten)]
        settings: Settings,
    }
    let Shared { settings } = Shared::try_parse_from(["encodings"])?;
    let mut setting = Machine::look(&settings, placement).setting;
    setting["repetitions"] = json!(arguments.repetitions);
    setting["seconds_per_measurement"] = json!(contestant::time(arguments.quick).as_secs_f64());
    Ok(setting)
}

fn publish(subjects: &[Subject], setting: &Value, folder: &Path) -> Result<()> {
    let word = |key: &str| setting[key].as_str().unwrap_or("?");
    let mut text = format!(
        "{}, {}, {}; medians of {} repetitions, least to most; load before: {}\n",
        word("date"),
        word("processor"),
        word("system"),
        setting["repetitions"],
        setting["load_before"],
    );
    let mut results = serde_json::Map::new();
    for subject in subjects {
        text += &format!("\n### {}\n\n{}\n", subject.name, subject.table());
        results.insert(subject.name.to_owned(), subject.json());
    }
    println!("{text}");
    fs::create_dir_all(folder)?;
    fs::write(folder.join("encodings.md"), text)?;
    let json = json!({ "setting": setting, "results": results });
    fs::write(folder.join("encodings.json"), format!("{json:#}\n"))?;
    println!("written to {}: encodings.md, encodings.json", folder.display());
    Ok(())
}

impl Subject {
    fn table(&self) -> comfy_table::Table {
        let mut table =
            table::empty(["", "bytes", "encode, ns", "of by hand", "decode, ns", "of by hand"]);
        for (place, contestant) in self.contestants.iter().enumerate() {
            let [encode, decode] = self.spreads(place);
            let [slower_encode, slower_decode] = self.ratios(place);
            table.add_row([
                contestant.name.to_owned(),
                contestant.length.to_string(),
                encode.to_string(),
                slower_encode.to_string(),
                decode.to_string(),
                slower_decode.to_string(),
            ]);
        }
        table::align(&mut table);
        table
    }

    /// Nanoseconds of encoding and of decoding.
    fn spreads(&self, place: usize) -> [Spread; 2] {
        let of = |figure: fn(&Timed) -> f64| Spread::of(self.timed[place].iter().map(figure));
        [of(|timed| timed.encode), of(|timed| timed.decode)]
    }

    /// The same as multiples of the first contestant's.
    fn ratios(&self, place: usize) -> [Spread; 2] {
        let of = |figure: fn(&Timed) -> f64| {
            let pairs = self.timed[place].iter().zip(&self.timed[0]);
            Spread::of(pairs.map(|(timed, base)| figure(timed) / figure(base)))
        };
        [of(|timed| timed.encode), of(|timed| timed.decode)]
    }

    fn json(&self) -> Value {
        let all = self.contestants.iter().enumerate().map(|(place, contestant)| {
            let [encode, decode] = self.spreads(place);
            let [encode_ratio, decode_ratio] = self.ratios(place);
            let value = json!({
                "bytes": contestant.length,
                "encode_ns": spread_json(encode),
                "encode_of_by_hand": spread_json(encode_ratio),
                "decode_ns": spread_json(decode),
                "decode_of_by_hand": spread_json(decode_ratio),
            });
            (contestant.name.to_owned(), value)
        });
        Value::Object(all.collect())
    }
}
