//! Calls beside bare datagrams: the two take turns within each repetition.

use core::time::Duration;

use farcall_workloads::farcall_system::FarcallClient;
use farcall_workloads::floors::MioEcho;
use farcall_workloads::measure::{Exchanged, Latency, Spread, latency};
use farcall_workloads::process::{Placement, Process, Usage};
use farcall_workloads::system::{Client, System};
use farcall_workloads::{FarcallSystem, Result};

use super::arguments::Arguments;

/// How many calls are in flight in turn.
pub(crate) const IN_FLIGHT: [usize; 4] = [1, 16, 64, 256];

/// Everything about both, by repetition.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) echo: Vec<Repetition>,
    pub(crate) farcall: Vec<Repetition>,
    /// How many datagrams each call took, both directions together, by number in flight.
    pub(crate) datagrams: Vec<[f64; IN_FLIGHT.len()]>,
}

/// One side in one repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repetition {
    pub(crate) latency: Latency,
    /// By number in flight, as in [`IN_FLIGHT`].
    pub(crate) streams: [Stream; IN_FLIGHT.len()],
}

/// One number in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// Calls per second.
    pub(crate) rate: f64,
    /// Microseconds of processor time per call, of the client and of the server. `None` where the
    /// system does not say.
    pub(crate) processor: Option<(f64, f64)>,
}

/// One figure for both sides, and how they compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) echo: Spread,
    pub(crate) farcall: Spread,
    /// Of calls to bare datagrams, within each repetition.
    pub(crate) ratio: Spread,
}

impl Calls {
    /// Compares one figure.
    pub(crate) fn compare(&self, figure: impl Fn(&Repetition) -> f64) -> Comparison {
        let ratios = self.farcall.iter().zip(&self.echo).map(|(f, e)| figure(f) / figure(e));
        Comparison {
            ratio: Spread::of(ratios),
            echo: Spread::of(self.echo.iter().map(&figure)),
            farcall: Spread::of(self.farcall.iter().map(&figure)),
        }
    }

    /// Datagrams per call with as many in flight as [`IN_FLIGHT`] has at `index`.
    pub(crate) fn datagrams(&self, index: usize) -> Spread {
        Spread::of(self.datagrams.iter().map(|datagrams| datagrams[index]))
    }
}

/// Measures everything.
pub(crate) fn run(arguments: &Arguments, placement: &Placement) -> Result<Calls> {
    let mut calls = Calls { echo: Vec::new(), farcall: Vec::new(), datagrams: Vec::new() };
    for repetition in 0..arguments.repetitions() {
        eprintln!("calls: repetition {} of {}", repetition + 1, arguments.repetitions());
        let mut echo_server = Process::start(MioEcho.name(), placement.server(), &[])?;
        let mut farcall_server =
            Process::start(FarcallSystem::BLOCKING.name(), placement.server(), &[])?;
        let mut farcall = FarcallSystem::BLOCKING.client(farcall_server.address())?;
        let mut echo = MioEcho.connect(echo_server.address())?;

        let time = arguments.time();
        let both = |measure: &mut dyn FnMut(bool) -> Result<()>| {
            // Neither always goes first.
            let is_odd = repetition % 2 == 1;
            measure(is_odd).and_then(|()| measure(!is_odd))
        };
        let (mut echo_latency, mut farcall_latency) = (None, None);
        both(&mut |is_echo| {
            if is_echo {
                echo_latency = Some(warm_latency(&mut *echo, arguments)?);
            } else {
                farcall_latency = Some(warm_latency(&mut farcall, arguments)?);
            }
            Ok(())
        })?;
        let nothing = Stream { rate: 0.0, processor: None };
        let mut echo_streams = [nothing; IN_FLIGHT.len()];
        let mut farcall_streams = [nothing; IN_FLIGHT.len()];
        let mut datagrams = [0.0; IN_FLIGHT.len()];
        for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            both(&mut |is_echo| {
                if is_echo {
                    echo.stream(in_flight, arguments.warm_up())?;
                    echo_streams[index] = stream(&mut *echo, &mut echo_server, in_flight, time)?.0;
                    return Ok(());
                }
                farcall.stream(in_flight, arguments.warm_up())?;
                let before = count_datagrams(&farcall);
                let (result, exchanged) =
                    stream(&mut farcall, &mut farcall_server, in_flight, time)?;
                farcall_streams[index] = result;
                let count = exchanged.count + in_flight as u64;
                datagrams[index] = (count_datagrams(&farcall) - before) as f64 / count as f64;
                Ok(())
            })?;
        }
        let both_latencies = echo_latency.zip(farcall_latency);
        let (echo_latency, farcall_latency) = both_latencies.ok_or("one was not measured")?;
        calls.echo.push(Repetition { latency: echo_latency, streams: echo_streams });
        calls.farcall.push(Repetition { latency: farcall_latency, streams: farcall_streams });
        calls.datagrams.push(datagrams);
    }
    Ok(calls)
}

fn warm_latency(side: &mut dyn Client, arguments: &Arguments) -> Result<Latency> {
    latency(side, arguments.warm_up())?;
    // The tail needs many more calls than the rates do.
    latency(side, arguments.time() * 2)
}

/// Measures one number in flight. The processor time includes that of the last few calls, which are
/// waited for after the time is over.
fn stream(
    side: &mut dyn Client,
    server: &mut Process,
    in_flight: usize,
    time: Duration,
) -> Result<(Stream, Exchanged)> {
    let before = Usage::own().zip(server.usage()?);
    let exchanged = side.stream(in_flight, time)?;
    let after = Usage::own().zip(server.usage()?);
    let count = (exchanged.count + in_flight as u64) as f64;
    let per_call = |before: Usage, after: Usage| {
        (after.processor - before.processor).as_secs_f64() * 1e6 / count
    };
    let processor = before.zip(after).map(|((client, server), (client_after, server_after))| {
        (per_call(client, client_after), per_call(server, server_after))
    });
    Ok((Stream { rate: exchanged.rate(), processor }, exchanged))
}

fn count_datagrams(client: &FarcallClient) -> u64 {
    let statistics = client.statistics();
    statistics.datagrams_sent + statistics.received.datagrams
}
