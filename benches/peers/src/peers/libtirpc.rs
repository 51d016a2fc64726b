//! Sun RPC: libtirpc, with stubs made by rpcgen.
//!
//! Its client waits for each call: more than one of them in flight takes as many threads, each with a client of its
//! own, as users of it do that.

use core::net::SocketAddr;

use farcall_workloads::{Client, Exchanged, Result, System, Workload};

use crate::asynchronous::ONLY_OURS;

#[cfg(libtirpc)]
#[path = "libtirpc_client.rs"]
mod client;

/// Larger ones than this do not fit in a datagram.
const LARGEST_DATAGRAM: usize = 8 << 10;

/// libtirpc, over one of its transports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Libtirpc {
    is_stream: bool,
}

impl Libtirpc {
    pub(super) const UDP: Self = Self { is_stream: false };
    pub(super) const TCP: Self = Self { is_stream: true };
}

impl System for Libtirpc {
    fn name(&self) -> &'static str {
        if self.is_stream { "libtirpc-tcp" } else { "libtirpc-udp" }
    }

    fn settings(&self) -> String {
        let transport = if self.is_stream {
            "TCP without delay, buffers of 1 MiB"
        } else {
            "UDP, buffers of 16 KiB, first asks again after 10 ms (1 s in a crowd), no cache of answers"
        };
        format!(
            "{transport}; stubs of rpcgen -M, svc_run, no rpcbind; a thread and a client for each call in flight"
        )
    }

    fn lacks(&self, workload: Workload) -> Option<&'static str> {
        if cfg!(not(libtirpc)) {
            return Some("rpcgen or libtirpc was not found when this was built");
        }
        match workload {
            Workload::Stream => Some("its client waits for each call"),
            Workload::Echo(size) | Workload::Upload(size)
                if !self.is_stream && size > LARGEST_DATAGRAM =>
            {
                Some("does not fit in a datagram")
            }
            Workload::Transfers | Workload::Busy => Some(ONLY_OURS),
            _ => None,
        }
    }

    #[cfg(libtirpc)]
    fn serve(&self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        client::serve(self.is_stream, announce)
    }

    #[cfg(libtirpc)]
    fn connect(&self, server: SocketAddr) -> Result<Box<dyn Client>> {
        Ok(Box::new(client::Synchronous::connect(self.is_stream, server)?))
    }

    #[cfg(libtirpc)]
    fn crowd(&self, server: SocketAddr, endpoints: usize, calls_each: u32) -> Result<Exchanged> {
        client::crowd(self.is_stream, server, endpoints, calls_each)
    }

    #[cfg(not(libtirpc))]
    fn serve(&self, _: &mut dyn FnMut(SocketAddr)) -> Result<()> {
        Err("rpcgen or libtirpc was not found when this was built".into())
    }

    #[cfg(not(libtirpc))]
    fn connect(&self, _: SocketAddr) -> Result<Box<dyn Client>> {
        Err("rpcgen or libtirpc was not found when this was built".into())
    }
}
