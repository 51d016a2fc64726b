//! A server or a client through all its lives.

use core::time::Duration;
use std::io;
use std::path::Path;
use std::time::Instant;

use crate::clock;
use crate::compare::Killed;
use crate::process::Process;

/// How long processes have to end by themselves. Longer than the longest deadline of a call.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// One after the other, the processes that play one part.
#[derive(Debug)]
pub(super) struct Actor {
    name: String,
    /// Which process of this part is, or was, the last.
    pub(super) number: u16,
    state: State,
}

#[derive(Debug)]
enum State {
    Up(Process),
    Stopped {
        process: Process,
        since: u64,
        until: Instant,
    },
    /// Was asked to end, and has until then.
    Ending {
        process: Process,
        until: Instant,
    },
    Down {
        until: Instant,
    },
}

impl Actor {
    /// An actor that enters as soon as somebody looks.
    pub(super) fn new(name: String) -> Self {
        Self { name, number: 0, state: State::Down { until: Instant::now() } }
    }

    /// Runs, and was not stopped.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    pub(super) fn process(&mut self) -> Option<&mut Process> {
        match &mut self.state {
            State::Up(process) | State::Stopped { process, .. } | State::Ending { process, .. } => {
                Some(process)
            }
            State::Down { .. } => None,
        }
    }

    /// Whether it is time for the next process.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        matches!(self.state, State::Down { until } if until <= now)
    }

    /// Whether it is time to go on after a stop.
    pub(super) fn is_stopped_until(&self, now: Instant) -> bool {
        matches!(self.state, State::Stopped { until, .. } if until <= now)
    }

    /// Starts the next process with these arguments.
    pub(super) fn start(
        &mut self,
        arguments: &[String],
        directory: &Path,
    ) -> io::Result<&mut Process> {
        let log = directory.join(format!("{}-{}.log", self.name, self.number));
        self.state = State::Up(Process::start(arguments, &log)?);
        Ok(self.process().expect("it was started just now"))
    }

    /// Where the present process keeps its ledger.
    pub(super) fn ledger(&self, directory: &Path) -> std::path::PathBuf {
        directory.join(format!("{}-{}.ledger", self.name, self.number))
    }

    /// Stops a process that is up. True if it was.
    pub(super) fn stop(&mut self, time: Duration) -> io::Result<bool> {
        let until = Instant::now() + time;
        match core::mem::replace(&mut self.state, State::Down { until }) {
            State::Up(process) => {
                let since = clock::now();
                process.stop()?;
                self.state = State::Stopped { process, since, until };
                Ok(true)
            }
            state => {
                self.state = state;
                Ok(false)
            }
        }
    }

    /// Lets a stopped process go on.
    pub(super) fn go_on(&mut self) -> io::Result<()> {
        let until = Instant::now();
        match core::mem::replace(&mut self.state, State::Down { until }) {
            State::Stopped { process, .. } => {
                process.go_on()?;
                self.state = State::Up(process);
            }
            state => self.state = state,
        }
        Ok(())
    }

    /// Asks a process that is up to end. True if it was.
    pub(super) fn end(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        match core::mem::replace(&mut self.state, State::Down { until }) {
            State::Up(mut process) => {
                process.ask_to_end();
                self.state = State::Ending { process, until };
                true
            }
            state => {
                self.state = state;
                false
            }
        }
    }

    /// Kills the process, if there is one; the next one comes after `pause`.
    pub(super) fn kill(&mut self, pause: Duration) -> io::Result<Option<Killed>> {
        let until = Instant::now() + pause;
        let now = clock::now();
        let (process, halted) = match core::mem::replace(&mut self.state, State::Down { until }) {
            State::Up(process) | State::Ending { process, .. } => (process, now),
            State::Stopped { process, since, .. } => (process, since),
            state @ State::Down { .. } => {
                self.state = state;
                return Ok(None);
            }
        };
        process.kill()?;
        self.number += 1;
        Ok(Some(Killed { halted, killed: clock::now() }))
    }

    /// Starts the next process at once, and lets a stopped one go on.
    pub(super) fn hurry(&mut self) -> io::Result<()> {
        if let State::Down { until } = &mut self.state {
            *until = Instant::now();
        }
        self.go_on()
    }

    /// An error if the process has ended by itself, or has not ended although it was asked to.
    pub(super) fn check(&mut self) -> Result<(), String> {
        let name = format!("{}-{}", self.name, self.number);
        let ending = match &self.state {
            State::Ending { until, .. } => Some(*until),
            _ => None,
        };
        let Some(process) = self.process() else { return Ok(()) };
        let ended = process.ended().map_err(|error| error.to_string())?;
        match (ended, ending) {
            (Some(status), Some(_)) if status.success() => {
                self.state = State::Down { until: Instant::now() };
                self.number += 1;
                Ok(())
            }
            (Some(status), _) => {
                Err(format!("{name} ended with {status}, and said:\n{}", process.said()))
            }
            (None, Some(until)) if until < Instant::now() => {
                Err(format!("{name} was asked to end and did not, and said:\n{}", process.said()))
            }
            (None, _) => Ok(()),
        }
    }

    /// What it is doing, in a line.
    pub(super) fn describe(&self) -> String {
        let state = match &self.state {
            State::Up(_) => "up",
            State::Stopped { .. } => "stopped",
            State::Ending { .. } => "ending",
            State::Down { .. } => "down",
        };
        format!("{}-{} is {state}", self.name, self.number)
    }
}
