//! Money moves over a bad network, and the bank is restarted meanwhile. Nothing runs twice.
//!
//! ```text
//! cargo run --example bank --features sim
//! cargo run --example bank --features sim -- --help
//! ```
//!
//! The network is simulated, in virtual time and from a seed: minutes pass in a moment, and every run
//! with the same options is the same. The bank and its stubs are those that real sockets would have.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use farcall::sim::{Delay, Link, Settings, World};
use farcall::{Marshal, Outcome, Pending, Server, rpc_interface};
use indicatif::ProgressBar;

#[rpc_interface]
trait Bank {
    fn transfer(&self, number: u64, from: u32, to: u32, amount: u64) -> Result<(), Overdrawn>;
}

#[derive(Debug, Marshal)]
struct Overdrawn;

#[derive(Default)]
struct Books {
    accounts: Vec<u64>,
    /// How often each transfer was executed.
    executions: BTreeMap<u64, u32>,
}

/// What is in the books is on disk, so to speak: it survives a restart.
struct Vault(Mutex<Books>);

impl Bank for Vault {
    fn transfer(&self, number: u64, from: u32, to: u32, amount: u64) -> Result<(), Overdrawn> {
        let mut books = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *books.executions.entry(number).or_default() += 1;
        let rest = books.accounts[from as usize].checked_sub(amount).ok_or(Overdrawn)?;
        books.accounts[from as usize] = rest;
        books.accounts[to as usize] += amount;
        Ok(())
    }
}

/// Thousands of transfers through a network with heavy loss and duplication, and restarts of the bank.
#[derive(Parser)]
struct Arguments {
    /// How many transfers.
    #[arg(long, default_value_t = 10_000)]
    transfers: u64,
    /// How many clients.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    tellers: u64,
    /// How likely a datagram is lost, in each direction.
    #[arg(long, default_value_t = 0.2, value_parser = probability)]
    loss: f64,
    /// How likely a datagram arrives twice or more often.
    #[arg(long, default_value_t = 0.2, value_parser = probability)]
    duplication: f64,
    /// How often the bank is restarted.
    #[arg(long, default_value_t = 3)]
    restarts: u64,
    /// The seed of all chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn probability(text: &str) -> Result<f64, String> {
    let value = text.parse().map_err(|error| format!("{error}"))?;
    (0.0..1.0).contains(&value).then_some(value).ok_or("not from 0 to below 1".to_owned())
}

const ACCOUNTS: u32 = 100;
const DEPOSIT: u64 = 1000;
/// Transfers under way at once.
const IN_FLIGHT: usize = 64;

/// What the tellers were told about their transfers.
#[derive(Default)]
struct Told {
    done: Vec<u64>,
    overdrawn: Vec<u64>,
    not_executed: Vec<u64>,
    executed: Vec<u64>,
    unknown: Vec<u64>,
}

type Transfer = (u64, Pending<Result<(), Overdrawn>>);

impl Told {
    /// Waits for the oldest transfer.
    fn settle(&mut self, under_way: &mut VecDeque<Transfer>) {
        let Some((number, call)) = under_way.pop_front() else { return };
        let list = match call.wait() {
            Ok(Ok(())) => &mut self.done,
            Ok(Err(Overdrawn)) => &mut self.overdrawn,
            Err(error) => match error.outcome() {
                Outcome::NotExecuted => &mut self.not_executed,
                Outcome::Executed => &mut self.executed,
                Outcome::Unknown => &mut self.unknown,
            },
        };
        list.push(number);
    }
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let link = Link {
        loss: arguments.loss,
        duplication: arguments.duplication,
        // They overtake each other.
        delay: Delay::uniform(Duration::from_millis(1), Duration::from_millis(20)),
        ..Link::default()
    };
    let world = World::with(Settings { link, recorded: 100_000, ..Settings::new(arguments.seed) });
    let vault = Arc::new(Vault(Mutex::new(Books {
        accounts: vec![DEPOSIT; ACCOUNTS as usize],
        ..Books::default()
    })));
    let service = BankServer::shared(Arc::clone(&vault));
    let server = Server::builder().workers(4).on(&world, "bank")?.serve(service).spawn()?;
    // A transfer takes its time, so that a restart finds some at work and some in the queue.
    world.host("bank").set_service_time(Delay::uniform(Duration::ZERO, Duration::from_millis(20)));
    let tellers = (0..arguments.tellers)
        .map(|teller| BankClient::on(&world.host(&format!("teller-{teller}")), "bank"))
        .collect::<Result<Vec<_>, _>>()?;

    let bar = ProgressBar::new(arguments.transfers);
    let mut random = world.random(0);
    let mut under_way = VecDeque::new();
    let mut told = Told::default();
    let mut suppressed = 0;
    for number in 0..arguments.transfers {
        let teller = &tellers[(number % arguments.tellers) as usize];
        let from = random.below(ACCOUNTS.into()) as u32;
        let to = random.below(ACCOUNTS.into()) as u32;
        let amount = 1 + random.below(DEPOSIT / 2);
        under_way.push_back((number, teller.start().transfer(number, from, to, amount)));
        if (number + 1) % (arguments.transfers / (arguments.restarts + 1) + 1) == 0 {
            // In the middle of everything. Its counters are gone with it.
            suppressed += server.statistics().duplicates;
            world.host("bank").restart();
        }
        if under_way.len() == IN_FLIGHT {
            told.settle(&mut under_way);
        }
        bar.inc(1);
    }
    while !under_way.is_empty() {
        told.settle(&mut under_way);
    }
    bar.finish_and_clear();
    let took = world.now();
    // The hardest a network can do: datagrams of long ago come back, requests among them.
    let replayed = world.replay(Duration::from_secs(10));
    world.run_for(Duration::from_secs(60));
    suppressed += server.statistics().duplicates;

    let books = vault.0.lock().map_err(|_| "a handler panicked")?;
    println!("{} transfers took {took:.1?} of virtual time", arguments.transfers);
    println!("{} were executed, {suppressed} duplicate requests were not", books.executions.len());
    println!("{replayed} old datagrams came back at the end\n");
    Ok(report(&told, &books))
}

/// Holds what the tellers were told against the books. True if all of it is so.
fn report(told: &Told, books: &Books) -> bool {
    let ran =
        |list: &[u64]| list.iter().filter(|&number| books.executions.contains_key(number)).count();
    println!("{:24}{:>8}{:>8}", "told", "calls", "ran");
    for (what, list) in [
        ("done", &told.done),
        ("overdrawn", &told.overdrawn),
        ("error: NotExecuted", &told.not_executed),
        ("error: Executed", &told.executed),
        ("error: Unknown", &told.unknown),
    ] {
        println!("{what:24}{:>8}{:>8}", list.len(), ran(list));
    }
    let twice = books.executions.values().filter(|&&count| count > 1).count();
    let deposits = u64::from(ACCOUNTS) * DEPOSIT;
    let money: u64 = books.accounts.iter().sum();
    println!("\n{twice} transfers ran twice; there were {deposits} coins, and there are {money}");
    twice == 0
        && money == deposits
        && ran(&told.not_executed) == 0
        && [&told.done, &told.overdrawn, &told.executed].iter().all(|list| ran(list) == list.len())
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("error: a promise was broken");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
