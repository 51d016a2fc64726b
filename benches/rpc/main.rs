//! Remote calls measured against what sockets cost without them.
//!
//! `cargo bench --bench rpc` measures everything; each part can be asked for alone by its name
//! (`cargo bench --bench rpc -- latency`), and `-- --help` explains the rest.
//!
//! | part | what is measured |
//! |---|---|
//! | `latency` | W1: one null call after the other |
//! | `throughput` | W2: null calls, 1, 16, 64 and 256 in flight from one thread, and synchronous ones from 8 threads on one client |
//! | `payload` | W3: echoes of 1 KiB to 16 MiB, and uploads of 16 MiB |
//! | `crowd` | W4: 1,000 and 10,000 clients in one process, one call in flight each |
//! | `memory` | what sessions cost a server process |
//! | `loss` | W5: W1 and W2 while the system loses 0.1, 1 and 5 % of the packets in each direction, which needs root and `iptables` |
//! | `proxy` | the null call over a path that loses one datagram in ten in each direction, which needs neither |
//! | `mixed` | W6: the null call while 16 MiB go back and forth on the same session, and while every worker is busy |
//! | `flood` | the null call while another process floods the server with `--flood-rate` hostile datagrams a second |
//!
//! The first six with a W are those of the package `farcall-workloads`, which says what each system does in
//! them. farcall takes part as it comes (`farcall`), without spinning (`farcall-blocking`), to be compared with
//! sockets that sleep, and spinning (`farcall-spinning`), to be compared with sockets that never do.
//!
//! The null call is `add(i32, i32) -> i32`; every sum is checked. Client and server are separate
//! processes, each bound to a processor of its own where the system allows that. The systems take turns
//! within each repetition, case by case, and ratios are taken within a repetition: on a shared
//! machine only those mean anything. A figure is the median of the repetitions, followed by the
//! smallest and the largest.
//!
//! Every byte of a large message is compared with what was sent, or summed up on both sides for an
//! upload, when the clock stands still; of the messages beside which small calls are measured, only some
//! bytes are. Both sides of a large call use `Bytes`.
//!
//! The results are printed as tables and written as JSON and as pictures, under `target/` unless
//! told otherwise.

mod arguments;
mod cores;
mod flood;
mod flood_report;
mod helpers;
mod memory;
mod proxied;
mod proxy;
mod visitor;

use clap::Parser;
use farcall_workloads::floors::{MioEcho, Tcp, Udp};
use farcall_workloads::program::{serve_if_asked, start};
use farcall_workloads::{FarcallSystem, Result, System};

use self::arguments::{Arguments, Measurement};
use self::cores::Cores;
use self::helpers::Helper;

/// Whatever is measured.
const SYSTEMS: &[&dyn System] = &[
    &FarcallSystem::DEFAULT,
    &FarcallSystem::BLOCKING,
    &FarcallSystem::SPINNING,
    &Cores,
    &Udp::BLOCKING,
    &Udp::SPINNING,
    &MioEcho,
    &Tcp,
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(helper) = arguments.settings.serve.as_deref().and_then(Helper::named) {
        return helper.serve(&arguments);
    }
    if serve_if_asked(SYSTEMS, &arguments.settings)? {
        return Ok(());
    }
    if !arguments.settings.bench {
        // This is how `cargo test --benches` runs it.
        println!("nothing was measured: `cargo bench --bench rpc` does that");
        return Ok(());
    }
    let (mut report, bench) = start(SYSTEMS, arguments.settings.clone())?;
    for measurement in Measurement::ALL {
        if !arguments.wants(measurement) {
            continue;
        }
        match measurement {
            Measurement::Part(part) => report.measure(part, &bench),
            Measurement::Memory => report.add(memory::run(&bench)?),
            Measurement::Proxy => report.add(proxied::run(&bench)?),
            Measurement::Flood => {
                let floods = flood::run(&bench, arguments.flood_rate)?;
                report.add(flood_report::section(&floods));
            }
        }
    }
    report.publish(bench.settings.out.as_deref().unwrap_or(&arguments::folder()))
}
