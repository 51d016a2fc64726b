//! Remote calls measured against the bare exchange of datagrams they are made of.
//!
//! `cargo bench --bench rpc` measures three things, each of which can be asked for alone by its name
//! (`cargo bench --bench rpc -- loss`):
//!
//! | part | what is measured |
//! |---|---|
//! | `calls` | time of a null call, and calls per second with 1, 16, 64 and 256 in flight, both beside a bare `mio` UDP echo of the same run |
//! | `loss` | the same null call over a path that loses one datagram in ten in each direction |
//! | `memory` | what sessions cost a server process |
//!
//! The null call is `add(i32, i32) -> i32`; every sum is checked. Client and server are separate
//! processes, each bound to a processor of its own where the system allows that. The echo and the
//! calls take turns within each repetition, and ratios are taken within a repetition: on a shared
//! machine only those mean anything. A figure is the median of the repetitions, followed by the
//! smallest and the largest.
//!
//! The results are printed as a table and written as JSON and as a picture, under `target/` unless
//! told otherwise.

mod arguments;
mod compare;
mod echo;
mod farcall;
mod loss;
mod measure;
mod memory;
mod picture;
mod process;
mod proxy;
mod report;

use std::error::Error;

use clap::Parser;

use self::arguments::{Arguments, Part};
use self::report::Report;

type Result<T> = core::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(service) = arguments.serve {
        return process::serve(service, &arguments);
    }
    if !arguments.bench {
        // This is how `cargo test --benches` runs it.
        println!("nothing was measured: `cargo bench --bench rpc` does that");
        return Ok(());
    }
    let placement = process::Placement::choose();
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
        report.memory = memory::run(&arguments, &placement)?;
    }
    report.publish(&arguments)
}
