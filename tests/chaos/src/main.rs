//! Real processes on real sockets, in disaster: do the promises hold?
//!
//! ```text
//! cargo run --release -p farcall-chaos                    # ten minutes
//! cargo run --release -p farcall-chaos -- --minutes 1
//! cargo run --release -p farcall-chaos -- --help
//! ```
//!
//! A server and some clients run as processes of their own. Between them is a relay that loses, doubles,
//! damages, delays and repeats datagrams. At random times each of them is killed, and started again, or
//! stopped for a while. Everybody keeps a ledger on disk: a client of what it asked for and what it was
//! told, the server of what it ran. At the end the ledgers are compared: whatever a client was told has
//! to be so.
//!
//! The exit code is 0 if all promises were kept, 1 if one was broken, and 3 if the run itself failed. What
//! is done to whom and when comes from one seed, which is printed; what that hits does not.

/// How a part of this program ended: `false` if a promise was broken.
#[cfg(unix)]
type Outcome = Result<bool, Box<dyn std::error::Error>>;

#[cfg(unix)]
mod arguments;
#[cfg(unix)]
mod client;
#[cfg(unix)]
mod clock;
#[cfg(unix)]
mod compare;
#[cfg(unix)]
mod interface;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod progress;
#[cfg(unix)]
mod proxy;
#[cfg(unix)]
mod record;
#[cfg(unix)]
mod report;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod weather;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    use clap::Parser;

    use self::arguments::{Arguments, Role};

    let Arguments { role, plan } = Arguments::parse();
    let outcome = match role {
        None => run::run(&plan),
        Some(Role::Serve(arguments)) => process::begin().and_then(|()| server::run(&arguments)),
        Some(Role::Call(arguments)) => process::begin().and_then(|()| client::run(&arguments)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("error: a promise was broken");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "error: this kills and stops processes with the signals of Unix, and needs such a system"
    );
    std::process::ExitCode::from(3)
}
