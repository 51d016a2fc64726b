//! The C library, as `c/libtirpc.c` shows it.
#![allow(unsafe_code, reason = "there is no other way to call C")]

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::net::SocketAddr;
use core::ptr::{self, NonNull};
use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use farcall_workloads::threads::call_from_threads;
use farcall_workloads::{Client, Error, Exchanged, Message, Result, Sums};

/// After how long a client over UDP asks again. It has no estimate of its own: this is for few of them.
const RETRY: Duration = Duration::from_millis(10);
/// The same when thousands wait for one server: it is not to be asked again for what it is about to answer.
const CROWD_RETRY: Duration = Duration::from_secs(1);
/// What a thread with a client needs.
const STACK: usize = 128 << 10;

unsafe extern "C" {
    safe fn store_listen(is_stream: c_int) -> c_int;
    safe fn store_run();
    safe fn store_connect(is_stream: c_int, host: u32, port: u16, retry: u32) -> *mut c_void;
    fn store_add(client: *mut c_void, a: c_int, b: c_int, sum: *mut c_int) -> c_int;
    fn store_echo(
        client: *mut c_void,
        data: *const c_char,
        length: c_uint,
        reply: *mut *mut c_char,
        reply_length: *mut c_uint,
    ) -> c_int;
    fn store_put(
        client: *mut c_void,
        data: *const c_char,
        length: c_uint,
        arrived: *mut u64,
    ) -> c_int;
    fn store_checksum(client: *mut c_void, sum: *mut u64) -> c_int;
    fn store_free(reply: *mut c_char);
    fn store_close(client: *mut c_void);
}

/// Serves until the process ends.
pub(super) fn serve(is_stream: bool, announce: &mut dyn FnMut(SocketAddr)) -> Result<()> {
    let port =
        u16::try_from(store_listen(is_stream.into())).map_err(|_| "libtirpc cannot listen")?;
    announce((Ipv4Addr::LOCALHOST, port).into());
    store_run();
    Err("libtirpc has stopped serving".into())
}

/// A client of the library: one call at a time.
struct Handle(NonNull<c_void>);

// SAFETY: the library keeps nothing of a client in the thread that made it.
unsafe impl Send for Handle {}

impl Handle {
    fn connect(is_stream: bool, server: SocketAddr, retry: Duration) -> Result<Self> {
        let IpAddr::V4(host) = server.ip() else { return Err("an address of IPv4".into()) };
        let retry = u32::try_from(retry.as_micros())?;
        let client = store_connect(is_stream.into(), host.to_bits(), server.port(), retry);
        Ok(Self(NonNull::new(client).ok_or("libtirpc cannot connect")?))
    }

    fn add(&mut self, a: i32, b: i32) -> Result<i32> {
        let mut sum = 0;
        // SAFETY: the client lives as long as this, and nobody else uses it meanwhile.
        succeeded(unsafe { store_add(self.0.as_ptr(), a, b, &raw mut sum) })?;
        Ok(sum)
    }

    fn echo(&mut self, data: &[u8]) -> Result<Reply> {
        let length = c_uint::try_from(data.len())?;
        let mut reply = Reply { data: ptr::null_mut(), length: 0 };
        let (start, end) = (&raw mut reply.data, &raw mut reply.length);
        // SAFETY: as above; the library only reads the data, and only until it returns.
        succeeded(unsafe {
            store_echo(self.0.as_ptr(), data.as_ptr().cast(), length, start, end)
        })?;
        Ok(reply)
    }

    fn put(&mut self, data: &[u8]) -> Result<u64> {
        let length = c_uint::try_from(data.len())?;
        let mut arrived = 0;
        // SAFETY: as above.
        succeeded(unsafe {
            store_put(self.0.as_ptr(), data.as_ptr().cast(), length, &raw mut arrived)
        })?;
        Ok(arrived)
    }

    fn checksum(&mut self) -> Result<u64> {
        let mut sum = 0;
        // SAFETY: as above.
        succeeded(unsafe { store_checksum(self.0.as_ptr(), &raw mut sum) })?;
        Ok(sum)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it is not used again.
        unsafe { store_close(self.0.as_ptr()) };
    }
}

fn succeeded(status: c_int) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(format!("libtirpc: a call failed ({status})").into()) }
}

/// A message that the library has allocated.
struct Reply {
    data: *mut c_char,
    length: c_uint,
}

impl Reply {
    fn bytes(&self) -> &[u8] {
        if self.data.is_null() {
            return &[];
        }
        // SAFETY: the library has written that many bytes there.
        unsafe { core::slice::from_raw_parts(self.data.cast(), self.length as usize) }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // SAFETY: it is the library's, and not used again.
        unsafe { store_free(self.data) };
    }
}

/// A client that waits for each call.
pub(super) struct Synchronous {
    is_stream: bool,
    server: SocketAddr,
    handle: Handle,
    sums: Sums,
}

impl Synchronous {
    pub(super) fn connect(is_stream: bool, server: SocketAddr) -> Result<Self> {
        Self::patient(is_stream, server, RETRY)
    }

    fn patient(is_stream: bool, server: SocketAddr, retry: Duration) -> Result<Self> {
        let handle = Handle::connect(is_stream, server, retry)?;
        Ok(Self { is_stream, server, handle, sums: Sums::default() })
    }
}

impl Client for Synchronous {
    fn call(&mut self) -> Result<()> {
        let (a, b, sum) = self.sums.question();
        Sums::check(self.handle.add(a, b)?, sum)
    }

    /// Each thread has a client of its own: on one they would wait for each other.
    fn threads(&mut self, threads: usize, time: Duration) -> Result<Exchanged> {
        let client = |_| Self::connect(self.is_stream, self.server);
        call_from_threads((0..threads).map(client).collect::<Result<Vec<_>>>()?, time)
    }

    fn echo(&mut self, message: &Message) -> Result<Duration> {
        let began = Instant::now();
        let reply = self.handle.echo(message.bytes())?;
        let taken = began.elapsed();
        message.check(reply.bytes())?;
        Ok(taken)
    }

    fn upload(&mut self, message: &Message) -> Result<Duration> {
        let began = Instant::now();
        let length = self.handle.put(message.bytes())?;
        let taken = began.elapsed();
        message.check_upload(length, self.handle.checksum()?)?;
        Ok(taken)
    }
}

/// As many threads as endpoints: there is no other way to have a call in flight on each of them.
pub(super) fn crowd(
    is_stream: bool,
    server: SocketAddr,
    endpoints: usize,
    calls_each: u32,
) -> Result<Exchanged> {
    let mut clients = Vec::with_capacity(endpoints);
    for _ in 0..endpoints {
        let mut client = Synchronous::patient(is_stream, server, CROWD_RETRY)?;
        client.call()?;
        clients.push(client);
    }
    let barrier = Barrier::new(endpoints + 1);
    thread::scope(|scope| {
        let mut callers = Vec::with_capacity(endpoints);
        for mut client in clients {
            let barrier = &barrier;
            let call = move || {
                barrier.wait();
                for _ in 0..calls_each {
                    client.call()?;
                }
                Ok::<Synchronous, Error>(client)
            };
            callers.push(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, call)?);
        }
        barrier.wait();
        let start = Instant::now();
        let mut ended = Vec::with_capacity(endpoints);
        for caller in callers {
            ended.push(caller.join().map_err(|_| "a thread that makes calls panicked")??);
        }
        let count = endpoints as u64 * u64::from(calls_each);
        Ok(Exchanged { count, time: start.elapsed() })
    })
}
