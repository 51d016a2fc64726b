//! What can be measured.

use core::net::SocketAddr;
use core::time::Duration;

use super::measure::Exchanged;
use super::message::Message;
use super::process;
use super::{Error, Result};

/// Something that carries calls: a library in one of its settings, or sockets with nothing around them.
pub trait System: Sync {
    /// What it is called in tables and on the command line: short, in lower case, without spaces.
    fn name(&self) -> &'static str;

    /// How it is set up, in a sentence: what somebody needs to know to repeat this.
    fn settings(&self) -> String;

    /// What it is measured for.
    fn role(&self) -> Role {
        Role::Peer
    }

    /// Why it does not take part in a workload. `None`: it does.
    fn lacks(&self, workload: Workload) -> Option<&'static str> {
        let _ = workload;
        None
    }

    /// Serves on a loopback address until the process ends. `announce` is called with that address as soon
    /// as it can be reached.
    ///
    /// # Errors
    /// What keeps it from serving.
    fn serve(&self, announce: &mut dyn FnMut(SocketAddr)) -> Result<()>;

    /// A client with a connection, a session, or whatever has to be there before the first call.
    ///
    /// # Errors
    /// What keeps it from being there.
    fn connect(&self, server: SocketAddr) -> Result<Box<dyn Client>>;

    /// Many clients in this process: each has a socket or connection of its own and makes `calls_each`
    /// calls, one after the other. Every one of them has made a call before the time begins.
    ///
    /// # Errors
    /// When a call fails or has a wrong result, or if this is not offered.
    fn crowd(&self, server: SocketAddr, endpoints: usize, calls_each: u32) -> Result<Exchanged> {
        let _ = (server, endpoints, calls_each);
        Err(not_offered())
    }

    /// How many files the process has open for each of those clients.
    fn files_per_endpoint(&self) -> usize {
        1
    }

    /// How many bytes of memory the process takes for each of those clients, about, or less.
    fn memory_per_endpoint(&self) -> usize {
        64 << 10
    }
}

/// The calling side of a system. Every result is checked; what takes long to check is checked outside of
/// the time that is returned.
pub trait Client {
    /// `add(i32, i32) -> i32`, whose sum is checked.
    ///
    /// # Errors
    /// When the call fails or the sum is wrong.
    fn call(&mut self) -> Result<()>;

    /// Keeps `in_flight` such calls under way from this one thread for `time`.
    ///
    /// # Errors
    /// When a call fails or a sum is wrong, or if this is not offered.
    fn stream(&mut self, in_flight: usize, time: Duration) -> Result<Exchanged> {
        let _ = (in_flight, time);
        Err(not_offered())
    }

    /// Has so many threads make such calls for `time`, each one after the other, over this one client.
    ///
    /// # Errors
    /// When a call fails or a sum is wrong, or if this is not offered.
    fn threads(&mut self, threads: usize, time: Duration) -> Result<Exchanged> {
        let _ = (threads, time);
        Err(not_offered())
    }

    /// Sends a message there and back, and returns how long that took. What comes back is what
    /// [`Message::check`] is for.
    ///
    /// # Errors
    /// When the call fails or the message has changed, or if this is not offered.
    fn echo(&mut self, message: &Message) -> Result<Duration> {
        let _ = message;
        Err(not_offered())
    }

    /// Sends a message there, until the other side says that it has all of it, and returns how long that
    /// took. The other side then tells what [`Message::check_upload`] asks for.
    ///
    /// # Errors
    /// When the call fails or the message has changed, or if this is not offered.
    fn upload(&mut self, message: &Message) -> Result<Duration> {
        let _ = message;
        Err(not_offered())
    }

    /// Keeps every worker of the server busy with a call that runs for `time`, and waits for the end of
    /// them all.
    ///
    /// # Errors
    /// When a call fails, or if this is not offered.
    fn occupy(&mut self, time: Duration) -> Result<()> {
        let _ = time;
        Err(not_offered())
    }

    /// The same connection for another thread. `None`: only one thread can use it, so another one needs a
    /// connection of its own.
    fn companion(&mut self) -> Option<Box<dyn Client + Send>> {
        None
    }
}

/// What a system is measured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is ours.
    Ours,
    /// It is what nobody can go below.
    Floor,
    /// It is what a user would take instead.
    Peer,
}

/// What is measured, as far as a system may be unable to take part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// [`Client::call`].
    Call,
    /// [`Client::stream`].
    Stream,
    /// [`Client::threads`].
    Threads,
    /// [`Client::echo`] of so many bytes.
    Echo(usize),
    /// [`Client::upload`] of so many bytes.
    Upload(usize),
    /// [`System::crowd`].
    Crowd,
    /// Calls while packets are lost.
    Loss,
    /// Calls while large messages are under way.
    Transfers,
    /// Calls while every worker is busy: [`Client::occupy`].
    Busy,
}

/// What [`Client::call`] asks: two numbers, other ones each time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    next: i32,
}

impl Sums {
    /// Two numbers to be added, and their sum.
    pub fn question(&mut self) -> (i32, i32, i32) {
        self.next = self.next.wrapping_add(1);
        let (a, b) = (self.next, !self.next.rotate_left(7));
        (a, b, a.wrapping_add(b))
    }

    /// Compares a result with the sum that it should be.
    ///
    /// # Errors
    /// When they differ.
    pub fn check(result: i32, sum: i32) -> Result<()> {
        if result == sum { Ok(()) } else { Err("the server cannot add".into()) }
    }
}

/// Is the server of the system with this name, until the standard input ends.
///
/// # Errors
/// When there is no such system, or what [`process::serve`] fails with.
pub fn serve(
    systems: &'static [&'static dyn System],
    name: &str,
    core: Option<usize>,
) -> Result<()> {
    let system = systems.iter().find(|system| system.name() == name);
    let system = *system.ok_or_else(|| format!("there is no system `{name}`"))?;
    process::serve(core, |announce| system.serve(announce), |_| String::new())
}

fn not_offered() -> Error {
    "this system does not offer that".into()
}
