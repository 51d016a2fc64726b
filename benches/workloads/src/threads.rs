//! Calls of several clients: from a thread each, or from one that goes round.

use core::time::Duration;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::measure::Exchanged;
use super::system::Client;
use super::{Error, Result};

/// Has each client make calls for `time`, one after the other, in a thread of its own.
///
/// # Errors
/// When a call of any of them fails.
pub fn call_from_threads<C: Client + Send>(clients: Vec<C>, time: Duration) -> Result<Exchanged> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let start = Instant::now();
        let callers: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut count = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        client.call()?;
                        count += 1;
                    }
                    Ok::<u64, Error>(count)
                })
            })
            .collect();
        thread::sleep(time);
        is_over.store(true, Ordering::Relaxed);
        let mut count = 0;
        for caller in callers {
            count += caller.join().map_err(|_| "a thread that makes calls panicked")??;
        }
        Ok(Exchanged { count, time: start.elapsed() })
    })
}

/// Has each client make `calls_each` calls, one after the other, from this one thread: it goes round, takes
/// what was answered, and sends what is next, while the server is at the others'.
///
/// # Errors
/// When a call of any of them fails.
pub fn take_turns<C>(
    clients: &mut [C],
    calls_each: u32,
    start: impl Fn(&mut C) -> Result<()>,
    finish: impl Fn(&mut C) -> Result<()>,
) -> Result<Exchanged> {
    let begun = Instant::now();
    clients.iter_mut().try_for_each(&start)?;
    for _ in 1..calls_each {
        for client in &mut *clients {
            finish(client)?;
            start(client)?;
        }
    }
    clients.iter_mut().try_for_each(&finish)?;
    let count = clients.len() as u64 * u64::from(calls_each);
    Ok(Exchanged { count, time: begun.elapsed() })
}

/// Has each client make `calls_each` calls, one after the other, in a thread of its own.
///
/// # Errors
/// When a call of any of them fails.
pub fn call_each_from_a_thread<C: Client + Send>(
    clients: Vec<C>,
    calls_each: u32,
) -> Result<Exchanged> {
    /// There is nothing on the stacks of so many threads but a call.
    const STACK: usize = 128 << 10;
    let count = clients.len() as u64 * u64::from(calls_each);
    let start_line = Barrier::new(clients.len() + 1);
    thread::scope(|scope| {
        let mut callers = Vec::with_capacity(clients.len());
        for mut client in clients {
            let start_line = &start_line;
            let caller = move || {
                start_line.wait();
                (0..calls_each).try_for_each(|_| client.call())
            };
            callers.push(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, caller)?);
        }
        start_line.wait();
        let begun = Instant::now();
        for caller in callers {
            caller.join().map_err(|_| "a thread that makes calls panicked")??;
        }
        Ok(Exchanged { count, time: begun.elapsed() })
    })
}
