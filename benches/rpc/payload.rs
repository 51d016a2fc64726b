//! Messages of many sizes beside the same ones over TCP: the two take turns within each repetition.

use farcall_workloads::floors::Tcp;
use farcall_workloads::measure::{Latency, Spread, latency_of};
use farcall_workloads::process::{Placement, Process};
use farcall_workloads::{Check, Client, FarcallSystem, Message, Result, System};

use super::arguments::Arguments;

/// The sizes that are sent back and forth, in bytes.
pub(crate) const SIZES: [usize; 5] = [1 << 10, 8 << 10, 64 << 10, 1 << 20, 16 << 20];
/// The size that is sent one way.
pub(crate) const UPLOAD: usize = 16 << 20;
/// How often each is sent at least, in each repetition.
const FEWEST: u64 = 5;

/// Everything about both, by repetition.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) tcp: Vec<Repetition>,
    pub(crate) farcall: Vec<Repetition>,
}

/// One side in one repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repetition {
    /// By size, as in [`SIZES`].
    pub(crate) echoes: [Latency; SIZES.len()],
    pub(crate) upload: Latency,
}

/// One figure for both sides, and how they compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    pub(crate) tcp: Spread,
    pub(crate) farcall: Spread,
    /// Of calls to TCP, within each repetition.
    pub(crate) ratio: Spread,
}

/// A kind of message: what is sent, which way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// There and back, the size at this place of [`SIZES`].
    Echo(usize),
    /// One way, [`UPLOAD`] bytes.
    Upload,
}

impl Kind {
    /// All kinds, as they are measured.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..SIZES.len()).map(Self::Echo).chain([Self::Upload])
    }

    /// Bytes of a message.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Echo(index) => SIZES[index],
            Self::Upload => UPLOAD,
        }
    }

    /// What people call it.
    pub(crate) fn name(self) -> String {
        let size = match self.size() {
            size if size < 1 << 20 => format!("{} KiB", size >> 10),
            size => format!("{} MiB", size >> 20),
        };
        match self {
            Self::Echo(_) => format!("echo of {size}"),
            Self::Upload => format!("upload of {size}"),
        }
    }

    fn of(self, repetition: &Repetition) -> &Latency {
        match self {
            Self::Echo(index) => &repetition.echoes[index],
            Self::Upload => &repetition.upload,
        }
    }
}

impl Payload {
    /// Median latency in microseconds.
    pub(crate) fn latency(&self, kind: Kind) -> Beside {
        self.compare(|repetition| kind.of(repetition).p50)
    }

    /// Throughput in MB (a million bytes) per second, each way, with one message in flight: the size by
    /// the median latency.
    pub(crate) fn throughput(&self, kind: Kind) -> Beside {
        self.compare(|repetition| kind.size() as f64 / kind.of(repetition).p50)
    }

    /// How many messages were measured, over TCP and over farcall.
    pub(crate) fn samples(&self, kind: Kind) -> (u64, u64) {
        let count = |side: &[Repetition]| {
            side.iter().map(|repetition| kind.of(repetition).exchanged.count).sum()
        };
        (count(&self.tcp), count(&self.farcall))
    }

    fn compare(&self, figure: impl Fn(&Repetition) -> f64) -> Beside {
        let ratios = self.farcall.iter().zip(&self.tcp).map(|(f, t)| figure(f) / figure(t));
        Beside {
            ratio: Spread::of(ratios),
            tcp: Spread::of(self.tcp.iter().map(&figure)),
            farcall: Spread::of(self.farcall.iter().map(&figure)),
        }
    }
}

/// Measures everything.
pub(crate) fn run(arguments: &Arguments, placement: &Placement) -> Result<Payload> {
    let mut payload = Payload { tcp: Vec::new(), farcall: Vec::new() };
    for repetition in 0..arguments.repetitions() {
        eprintln!("payload: repetition {} of {}", repetition + 1, arguments.repetitions());
        let tcp_server = Process::start(Tcp.name(), placement.server(), &[])?;
        let farcall_server =
            Process::start(FarcallSystem::BLOCKING.name(), placement.server(), &[])?;
        let mut tcp = Tcp.connect(tcp_server.address())?;
        let mut farcall = FarcallSystem::BLOCKING.connect(farcall_server.address())?;
        let (mut of_tcp, mut of_farcall) = (Vec::new(), Vec::new());
        for kind in Kind::all() {
            let message = Message::new(kind.size(), Check::Whole);
            // Neither always goes first.
            if repetition % 2 == 1 {
                of_tcp.push(measure(&mut *tcp, kind, &message, arguments)?);
                of_farcall.push(measure(&mut *farcall, kind, &message, arguments)?);
            } else {
                of_farcall.push(measure(&mut *farcall, kind, &message, arguments)?);
                of_tcp.push(measure(&mut *tcp, kind, &message, arguments)?);
            }
        }
        payload.tcp.push(Repetition::of(of_tcp)?);
        payload.farcall.push(Repetition::of(of_farcall)?);
    }
    Ok(payload)
}

impl Repetition {
    /// From the latencies of [`Kind::all`].
    fn of(mut latencies: Vec<Latency>) -> Result<Self> {
        let upload = latencies.pop();
        let echoes = <[Latency; SIZES.len()]>::try_from(latencies).ok();
        let (echoes, upload) = echoes.zip(upload).ok_or("something was not measured")?;
        Ok(Self { echoes, upload })
    }
}

fn measure(
    client: &mut dyn Client,
    kind: Kind,
    message: &Message,
    arguments: &Arguments,
) -> Result<Latency> {
    let mut take = || match kind {
        Kind::Echo(_) => client.echo(message),
        Kind::Upload => client.upload(message),
    };
    latency_of(arguments.warm_up(), FEWEST, &mut take)?;
    latency_of(arguments.time(), FEWEST, take)
}
