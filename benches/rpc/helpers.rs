//! Processes that are no system under measurement, but make its life hard.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use std::net::{Ipv4Addr, UdpSocket};

use clap::ValueEnum;
use farcall_workloads::Result;
use farcall_workloads::process::{self, Placement, Process};

use super::arguments::Arguments;
use super::flood::{self, Flood};
use super::proxy;

/// How many datagrams this process has sent, if it is a flooder.
static SENT: AtomicU64 = AtomicU64::new(0);

/// What the other process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Helper {
    /// Forwards datagrams and loses some
    Proxy,
    /// Floods a server
    Flooder,
}

impl Helper {
    /// The one with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }

    fn start(self, core: Option<usize>, more: &[String]) -> Result<Process> {
        let name = self.to_possible_value().expect("no helper is skipped");
        Process::start(name.get_name(), core, more)
    }

    /// Starts a proxy before `server`, which loses the part `loss` of the datagrams each way.
    pub(crate) fn proxy(server: SocketAddr, loss: f64, placement: &Placement) -> Result<Process> {
        let more = [format!("--target={server}"), format!("--loss={loss}")];
        Self::Proxy.start(placement.server(), &more)
    }

    /// Starts a flooder of `target`, on the processor of the client: the server is not to pay for what is
    /// sent to it.
    pub(crate) fn flooder(target: SocketAddr, flood: Flood, rate: u32) -> Result<Process> {
        let flood = flood.to_possible_value().expect("no flood is skipped");
        let more = [
            format!("--target={target}"),
            format!("--flood={}", flood.get_name()),
            format!("--flood-rate={rate}"),
        ];
        Self::Flooder.start(None, &more)
    }

    /// Is one, until its standard input ends.
    pub(crate) fn serve(self, arguments: &Arguments) -> Result<()> {
        let target = arguments.target.ok_or("a helper needs a target")?;
        let (loss, rate, kind) = (arguments.loss, arguments.flood_rate, arguments.flood);
        let service = move |announce: &mut dyn FnMut(SocketAddr)| match self {
            Self::Proxy => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
                announce(socket.local_addr()?);
                Ok(proxy::forward(socket, target, loss)?)
            }
            Self::Flooder => {
                announce(target);
                let kind = kind.ok_or("a flooder needs to know what to send")?;
                Ok(flood::flood(target, kind, rate, &SENT)?)
            }
        };
        process::serve(arguments.settings.core, service, |_| {
            SENT.load(Ordering::Relaxed).to_string()
        })
    }
}
