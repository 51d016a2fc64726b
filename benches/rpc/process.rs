//! The two sides as processes of their own: starting the other one, and binding each to a processor.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use clap::ValueEnum;

use super::arguments::{Arguments, Service};
use super::flood::{self, Flood};
use super::{Result, echo, farcall, proxy, store, tcp};

/// How many datagrams this process has sent, if it is a flooder.
static SENT: AtomicU64 = AtomicU64::new(0);

/// Which processor each side is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    /// The client's and the server's. `None`: there are not two to choose from, or the system has no
    /// way to bind a process.
    pub(crate) cores: Option<(usize, usize)>,
}

impl Placement {
    /// Chooses two of the processors that this process may use.
    pub(crate) fn choose() -> Self {
        let allowed = affinity::allowed();
        let cores = match (allowed.first(), allowed.last()) {
            (Some(&server), Some(&client)) if server != client => Some((client, server)),
            _ => None,
        };
        Self { cores }
    }

    /// Binds this process, which has to have only one thread yet.
    pub(crate) fn pin_client(&self) -> io::Result<()> {
        self.cores.map_or(Ok(()), |(client, _)| affinity::pin(client))
    }
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Processor time of all its threads.
    pub(crate) processor: Duration,
    /// Bytes of memory it occupies.
    pub(crate) resident: u64,
}

impl Usage {
    /// That of this process. `None` where the system does not say.
    pub(crate) fn own() -> Option<Self> {
        Some(Self { processor: affinity::processor_time()?, resident: resident()? })
    }
}

/// The other side of a measurement. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    /// `None` only while it is being dropped. Its end is what tells the process to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Peer {
    /// Starts it, and waits until it can be reached.
    pub(crate) fn start(
        service: Service,
        arguments: &Arguments,
        placement: &Placement,
    ) -> Result<Self> {
        Self::with(service, arguments, placement, &[])
    }

    /// Starts a proxy before `server`, which loses the part `loss` of the datagrams each way.
    pub(crate) fn proxy(
        server: SocketAddr,
        loss: f64,
        arguments: &Arguments,
        placement: &Placement,
    ) -> Result<Self> {
        let more = [format!("--target={server}"), format!("--loss={loss}")];
        Self::with(Service::Proxy, arguments, placement, &more)
    }

    /// Starts a flooder of `target`, on the processor of the client: the server is not to pay for what is
    /// sent to it.
    pub(crate) fn flooder(target: SocketAddr, flood: Flood, arguments: &Arguments) -> Result<Self> {
        let flood = flood.to_possible_value().expect("no flood is skipped");
        let rate = arguments.flood_rate;
        let more = [
            format!("--target={target}"),
            format!("--flood={}", flood.get_name()),
            format!("--flood-rate={rate}"),
        ];
        Self::with(Service::Flooder, arguments, &Placement { cores: None }, &more)
    }

    fn with(
        service: Service,
        arguments: &Arguments,
        placement: &Placement,
        more: &[String],
    ) -> Result<Self> {
        let name = service.to_possible_value().expect("no service is skipped");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("--serve={}", name.get_name()));
        command.arg(format!("--spin={}", arguments.spin().as_micros()));
        if let Some((_, core)) = placement.cores {
            command.arg(format!("--core={core}"));
        }
        command.args(more);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("it was asked to be piped"));
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().parse().map_err(|_| format!("the {service:?} did not start"))?;
        Ok(Self { child, input, output, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many datagrams a flooder has sent.
    pub(crate) fn count(&mut self) -> Result<u64> {
        let input = self.input.as_mut().expect("it is there until the drop");
        input.write_all(b"count\n")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    /// What it has used so far. `None` where the system does not say.
    pub(crate) fn usage(&mut self) -> Result<Option<Usage>> {
        let input = self.input.as_mut().expect("it is there until the drop");
        input.write_all(b"usage\n")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (Some(processor), Some(resident)) = (words.next(), words.next()) else {
            return Ok(None);
        };
        let processor = Duration::from_nanos(processor.parse()?);
        Ok(Some(Usage { processor, resident: resident.parse()? }))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ended by itself or not: either way there is nobody left to tell.
        let _ = self.child.wait();
    }
}

/// Is the other side of a measurement, until its standard input ends.
pub(crate) fn serve(service: Service, arguments: &Arguments) -> Result<()> {
    if let Some(core) = arguments.core {
        affinity::pin(core)?;
    }
    let any = (Ipv4Addr::LOCALHOST, 0);
    match service {
        Service::Echo => {
            let socket = UdpSocket::bind(any)?;
            announce(socket.local_addr()?)?;
            std::thread::spawn(move || echo::serve(socket));
            answer_questions()
        }
        Service::Proxy => {
            let target = arguments.target.ok_or("a proxy needs a target")?;
            let socket = UdpSocket::bind(any)?;
            announce(socket.local_addr()?)?;
            let loss = arguments.loss;
            std::thread::spawn(move || proxy::forward(socket, target, loss));
            answer_questions()
        }
        Service::Calculator => {
            let server = farcall::serve(arguments.spin())?;
            announce(server.local_addr())?;
            answer_questions()
        }
        Service::Store => {
            let server = store::serve(arguments.spin())?;
            announce(server.local_addr())?;
            answer_questions()
        }
        Service::Flooder => {
            let target = arguments.target.ok_or("a flooder needs a target")?;
            let kind = arguments.flood.ok_or("a flooder needs to know what to send")?;
            let rate = arguments.flood_rate;
            announce(target)?;
            std::thread::spawn(move || flood::flood(target, kind, rate, &SENT));
            for line in io::stdin().lines() {
                line?;
                writeln!(io::stdout(), "{}", SENT.load(Ordering::Relaxed))?;
            }
            Ok(())
        }
        Service::Tcp => {
            let listener = TcpListener::bind(any)?;
            announce(listener.local_addr()?)?;
            std::thread::spawn(move || tcp::serve(&listener));
            answer_questions()
        }
    }
}

fn announce(address: SocketAddr) -> io::Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{address}")?;
    output.flush()
}

fn answer_questions() -> Result<()> {
    for line in io::stdin().lines() {
        line?;
        let mut output = io::stdout();
        match Usage::own() {
            Some(Usage { processor, resident }) => {
                writeln!(output, "{} {resident}", processor.as_nanos())?;
            }
            None => writeln!(output)?,
        }
        output.flush()?;
    }
    Ok(())
}

/// How many programs were running or ready to run on average in the last minute. `None` where the
/// system does not say.
pub(crate) fn load() -> Option<f64> {
    let averages = std::fs::read_to_string("/proc/loadavg").ok()?;
    averages.split_whitespace().next()?.parse().ok()
}

/// The resident memory of this process in bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
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
