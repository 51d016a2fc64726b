//! The two sides as processes of their own: starting the other one, and binding each to a processor.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use super::Result;

/// What a process is asked for its [`Usage`].
const USAGE: &str = "usage";

/// Which processor each side is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// The client's and the server's. `None`: there are not two to choose from, or the system has no
    /// way to bind a process.
    pub cores: Option<(usize, usize)>,
}

impl Placement {
    /// Chooses two of the processors that this process may use.
    pub fn choose() -> Self {
        let allowed = affinity::allowed();
        let cores = match (allowed.first(), allowed.last()) {
            (Some(&server), Some(&client)) if server != client => Some((client, server)),
            _ => None,
        };
        Self { cores }
    }

    /// Binds this process, which has to have only one thread yet.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pin_client(&self) -> io::Result<()> {
        self.cores.map_or(Ok(()), |(client, _)| affinity::pin(client))
    }

    /// Where a server belongs.
    pub fn server(&self) -> Option<usize> {
        self.cores.map(|(_, server)| server)
    }
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time of all its threads.
    pub processor: Duration,
    /// Bytes of memory it occupies.
    pub resident: u64,
    /// The most that this has been.
    pub peak: u64,
}

impl Usage {
    /// That of this process. `None` where the system does not say.
    pub fn own() -> Option<Self> {
        let (resident, peak) = (memory("VmRSS:")?, memory("VmHWM:")?);
        Some(Self { processor: affinity::processor_time()?, resident, peak })
    }

    fn write(own: Option<Self>) -> String {
        own.map_or_else(String::new, |Self { processor, resident, peak }| {
            format!("{} {resident} {peak}", processor.as_nanos())
        })
    }

    fn read(line: &str) -> Result<Option<Self>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [processor, resident, peak] = words[..] else { return Ok(None) };
        let processor = Duration::from_nanos(processor.parse()?);
        Ok(Some(Self { processor, resident: resident.parse()?, peak: peak.parse()? }))
    }
}

/// The other side of a measurement: this program, started again. It ends when this is dropped, or when
/// this process ends, in whatever way.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// `None` only while it is being dropped. Its end is what tells the process to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Process {
    /// Starts it with `--serve` and the name of what it is to be, on a processor, and waits until it can be
    /// reached.
    ///
    /// # Errors
    /// When it does not start, or ends before it can be reached.
    pub fn start(service: &str, core: Option<usize>, more: &[String]) -> Result<Self> {
        let mut command = Self::command(service, more)?;
        command.args(core.map(|core| format!("--core={core}")));
        Self::spawn(service, command)
    }

    /// The same, out of reach of the keys that end this process: it notices by itself when that has ended.
    ///
    /// # Errors
    /// When it does not start, or ends before it can be reached.
    pub fn start_apart(service: &str, more: &[String]) -> Result<Self> {
        let mut command = Self::command(service, more)?;
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self::spawn(service, command)
    }

    fn command(service: &str, more: &[String]) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("--serve={service}")).args(more);
        Ok(command)
    }

    fn spawn(service: &str, mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("it was asked to be piped"));
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().parse().map_err(|_| format!("{service} did not start"))?;
        Ok(Self { child, input, output, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it something.
    ///
    /// # Errors
    /// When it does not answer any more.
    pub fn ask(&mut self, question: &str) -> Result<String> {
        let input = self.input.as_mut().expect("it is there until the drop");
        writeln!(input, "{question}")?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("the other process has ended".into());
        }
        Ok(line.trim().to_owned())
    }

    /// What it has used so far. `None` where the system does not say.
    ///
    /// # Errors
    /// When it does not answer any more.
    pub fn usage(&mut self) -> Result<Option<Usage>> {
        Usage::read(&self.ask(USAGE)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ended by itself or not: either way there is nobody left to tell.
        let _ = self.child.wait();
    }
}

/// Is the other side of a measurement, until its standard input ends. `service` announces its address and
/// goes on for ever; `answer` answers what is asked besides [`Process::usage`].
///
/// # Errors
/// When this process cannot be bound to its processor, or cannot talk to the one that started it.
pub fn serve(
    core: Option<usize>,
    service: impl FnOnce(&mut dyn FnMut(SocketAddr)) -> Result<()> + Send + 'static,
    answer: impl Fn(&str) -> String,
) -> Result<()> {
    if let Some(core) = core {
        affinity::pin(core)?;
    }
    thread::spawn(move || {
        if let Err(error) = service(&mut announce) {
            eprintln!("the server has ended: {error}");
            std::process::exit(1);
        }
    });
    answer_questions(answer)
}

/// Tells the process that started this one where it can be reached.
pub(crate) fn announce(address: SocketAddr) {
    say(&format!("{address}"));
}

/// Answers the process that started this one, until that ends, or wants this one to end.
pub(crate) fn answer_questions(answer: impl Fn(&str) -> String) -> Result<()> {
    for question in io::stdin().lines() {
        let question = question?;
        say(&if question == USAGE { Usage::write(Usage::own()) } else { answer(&question) });
    }
    Ok(())
}

/// Tells the process that started this one. Nobody is there to hear it if that fails.
fn say(line: &str) {
    let mut output = io::stdout();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// How many programs were running or ready to run on average in the last minute. `None` where the
/// system does not say.
pub fn load() -> Option<f64> {
    let averages = std::fs::read_to_string("/proc/loadavg").ok()?;
    averages.split_whitespace().next()?.parse().ok()
}

/// What the system says about the memory of this process, in bytes.
fn memory(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(target_os = "linux")]
mod affinity {
    //! What is asked of the system about processors.

    use core::time::Duration;
    use std::io;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use rustix::time::{ClockId, clock_gettime};

    /// The processors that this process may use, in order.
    pub(super) fn allowed() -> Vec<usize> {
        let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
        (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect()
    }

    /// Binds this thread, and those it starts from now on, to one processor.
    pub(super) fn pin(core: usize) -> io::Result<()> {
        let mut set = CpuSet::new();
        set.set(core);
        Ok(sched_setaffinity(None, &set)?)
    }

    /// What this process has used.
    pub(super) fn processor_time() -> Option<Duration> {
        clock_gettime(ClockId::ProcessCPUTime).try_into().ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    //! Here the system is not asked about processors.

    use core::time::Duration;
    use std::io;

    pub(super) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn pin(_core: usize) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn processor_time() -> Option<Duration> {
        None
    }
}
