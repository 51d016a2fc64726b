//! Starting, stopping and killing processes. Only processes that this one has started are touched.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to start.
const STARTING: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// A process that ends with its value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Its end is what tells the process to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Process {
    /// Starts this program in a role. What it prints goes to the file `log`.
    ///
    /// To be called on the main thread: the system ends the process with the *thread* that started it.
    pub(crate) fn start(arguments: &[String], log: &Path) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it was asked to be piped"));
        Ok(Self { child, input, output, log: log.to_owned() })
    }

    /// The address that a server prints when it can be reached.
    pub(crate) fn address(&mut self) -> Result<SocketAddr, String> {
        let mut line = String::new();
        let mut output = [PollFd::new(self.output.get_ref(), PollFlags::IN)];
        let result = match poll(&mut output, Some(&STARTING)) {
            Ok(0) => Err(format!("it said nothing for {} s", STARTING.tv_sec)),
            Ok(_) => self.output.read_line(&mut line).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        result
            .and_then(|_| line.trim().parse().map_err(|error| format!("{error}")))
            .map_err(|error| format!("the server did not start: {error}\n{}", self.said()))
    }

    /// Nothing of it runs until [`go_on`](Self::go_on).
    pub(crate) fn stop(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    pub(crate) fn go_on(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        // The id is not used again before somebody has waited for the process, which nobody else does.
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Ends it without any warning.
    pub(crate) fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&mut self) {
        drop(self.input.take());
    }

    /// Whether it has ended by itself.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for its end after it was asked to.
    pub(crate) fn until_ended(&mut self, patience: Duration) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < patience {
            match self.ended() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("it ended with {status}\n{}", self.said())),
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(format!("it did not end within {patience:?}"))
    }

    /// What it has printed.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Bytes of memory that it occupies. `None` where the system does not say.
    pub(crate) fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already or it has not: either way there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first thing that a started process does: it makes sure that it ends with the one that started it,
/// even while it is stopped.
pub(crate) fn begin() -> Result<(), Box<dyn std::error::Error>> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

/// Waits until the process that started this one asks it to end, or has ended itself.
pub(crate) fn until_asked_to_end() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}
