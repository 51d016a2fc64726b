//! Small calls while a large one is under way on the same session.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::thread;

use farcall_workloads::measure::{Latency, Spread, latency};
use farcall_workloads::process::{Placement, Process};
use farcall_workloads::{Check, Client, FarcallSystem, Message, Result, System};

use super::arguments::Arguments;

/// The size of the large message, in bytes, there and back.
pub(crate) const SIZE: usize = 16 << 20;

/// Null calls alone and beside large echoes, by repetition.
#[derive(Debug)]
pub(crate) struct Mixed {
    pub(crate) alone: Vec<Latency>,
    pub(crate) beside: Vec<Latency>,
    /// How many echoes ended meanwhile.
    pub(crate) echoes: Vec<u64>,
    /// How long one took in the middle, in microseconds.
    pub(crate) echo: Vec<f64>,
}

impl Mixed {
    /// One figure alone, beside the echoes, and the ratio of the two within each repetition.
    pub(crate) fn compare(&self, figure: impl Fn(&Latency) -> f64) -> (Spread, Spread, Spread) {
        let ratios = self.beside.iter().zip(&self.alone).map(|(b, a)| figure(b) / figure(a));
        (
            Spread::of(self.alone.iter().map(&figure)),
            Spread::of(self.beside.iter().map(&figure)),
            Spread::of(ratios),
        )
    }
}

/// Measures everything.
pub(crate) fn run(arguments: &Arguments, placement: &Placement) -> Result<Mixed> {
    let mut mixed =
        Mixed { alone: Vec::new(), beside: Vec::new(), echoes: Vec::new(), echo: Vec::new() };
    for repetition in 0..arguments.repetitions() {
        eprintln!("mixed: repetition {} of {}", repetition + 1, arguments.repetitions());
        let server = Process::start(FarcallSystem::BLOCKING.name(), placement.server(), &[])?;
        let mut small = FarcallSystem::BLOCKING.connect(server.address())?;
        let mut large = small.companion().ok_or("one session serves both")?;
        let message = Message::new(SIZE, Check::Glance);
        // The path is known to both when the measurement begins.
        large.echo(&message)?;
        latency(&mut *small, arguments.warm_up())?;
        mixed.alone.push(latency(&mut *small, arguments.time() * 2)?);
        let (beside, mut echoes) =
            beside(&mut *small, &mut *large, &message, arguments.time() * 2)?;
        mixed.beside.push(beside);
        mixed.echoes.push(echoes.len() as u64);
        echoes.sort();
        mixed.echo.push(echoes[echoes.len() / 2].as_secs_f64() * 1e6);
    }
    Ok(mixed)
}

/// Makes small calls for `time`, while another thread has one large echo after the other. How long
/// those took is returned too; they are at least one.
fn beside(
    small: &mut dyn Client,
    large: &mut (dyn Client + Send),
    message: &Message,
    time: Duration,
) -> Result<(Latency, Vec<Duration>)> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let echoes = scope.spawn(|| {
            let mut taken = Vec::new();
            while !is_over.load(Ordering::Relaxed) || taken.is_empty() {
                taken.push(large.echo(message).map_err(|error| error.to_string())?);
            }
            Ok::<_, String>(taken)
        });
        let measured = latency(small, time);
        is_over.store(true, Ordering::Relaxed);
        let taken = echoes.join().map_err(|_| "the thread with the echoes panicked")??;
        Ok((measured?, taken))
    })
}
