//! Remote calls measured against the bare exchange of datagrams they are made of.
//!
//! `cargo bench --bench rpc` measures six things, each of which can be asked for alone by its name
//! (`cargo bench --bench rpc -- loss`):
//!
//! | part | what is measured |
//! |---|---|
//! | `calls` | time of a null call, and calls per second with 1, 16, 64 and 256 in flight, both beside a bare `mio` UDP echo of the same run |
//! | `loss` | the same null call over a path that loses one datagram in ten in each direction |
//! | `memory` | what sessions cost a server process |
//! | `payload` | time of an echo of 1 KiB to 16 MiB and of an upload of 16 MiB, beside frames over a TCP stream of the standard library in the same run |
//! | `mixed` | the null call while 16 MiB go back and forth on the same session |
//! | `flood` | the null call while another process floods the server with `--flood-rate` hostile datagrams a second |
//!
//! The null call is `add(i32, i32) -> i32`; every sum is checked. Client and server are separate
//! processes, each bound to a processor of its own where the system allows that. The echo and the
//! calls, or the stream and the calls, take turns within each repetition, and ratios are taken within a repetition: on a shared
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
mod compare;
mod flood;
mod flood_report;
mod helpers;
mod loss;
mod memory;
mod mixed;
mod payload;
mod payload_picture;
mod payload_report;
mod picture;
mod proxy;
mod report;

use clap::Parser;
use farcall_workloads::floors::{MioEcho, Tcp, Udp};
use farcall_workloads::process::Placement;
use farcall_workloads::{FarcallSystem, Result, System, system};

use self::arguments::{Arguments, Part};
use self::helpers::Helper;
use self::report::Report;

/// Whatever is measured.
const SYSTEMS: &[&dyn System] = &[
    &FarcallSystem::DEFAULT,
    &FarcallSystem::BLOCKING,
    &FarcallSystem::SPINNING,
    &Udp::BLOCKING,
    &Udp::SPINNING,
    &MioEcho,
    &Tcp,
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(name) = &arguments.serve {
        return match Helper::named(name) {
            Some(helper) => helper.serve(&arguments),
            None => system::serve(SYSTEMS, name, arguments.core),
        };
    }
    if !arguments.bench {
        // This is how `cargo test --benches` runs it.
        println!("nothing was measured: `cargo bench --bench rpc` does that");
        return Ok(());
    }
    let placement = Placement::choose();
    // Before this process is bound, so that the report counts all processors.
    let mut report = Report::new(&arguments, &placement);
    placement.pin_client()?;
    if arguments.wants(Part::Calls) {
        report.calls = Some(compare::run(&arguments, &placement)?);
    }
    if arguments.wants(Part::Loss) {
        report.loss = Some(loss::run(&arguments, &placement)?);
    }
    if arguments.wants(Part::Memory) {
        report.memory = memory::run(&placement)?;
    }
    if arguments.wants(Part::Payload) {
        report.payload = Some(payload::run(&arguments, &placement)?);
    }
    if arguments.wants(Part::Mixed) {
        report.mixed = Some(mixed::run(&arguments, &placement)?);
    }
    if arguments.wants(Part::Flood) {
        report.floods = Some(flood::run(&arguments, &placement)?);
    }
    report.publish(&arguments)
}
