//! The process that is called.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use farcall::{Reply, Server, ServerConfig};

use crate::arguments::ServeArguments;
use crate::interface::{Answer, Method, PANIC, Work, WorkServer, content, sum};
use crate::record::{Event, Ledger, Record};
use crate::{Outcome, process};

/// As many handlers as can be entered and not have written so yet.
pub(crate) const WORKERS: usize = 8;

/// How long handlers may go on when the process is asked to end.
const GRACE: Duration = Duration::from_secs(10);

/// Small bounds, so that they are met: lanes are used again soon, sessions expire while their clients
/// are stopped, and there is no room for the sessions of many dead clients.
fn config(clients: usize) -> ServerConfig {
    ServerConfig {
        workers: WORKERS,
        window: 48,
        lease: Duration::from_secs(2),
        maximum_sessions: clients * 2 + 2,
        maximum_queued_calls: 512,
        maximum_queue_delay: Duration::from_secs(1),
        maximum_suspended: 256,
        maximum_request: 1 << 20,
        maximum_reply: 1 << 20,
        maximum_reply_bytes: 16 << 20,
        maximum_assembly_bytes: 16 << 20,
        maximum_assembly_bytes_per_session: 8 << 20,
        assembly_patience: Duration::from_secs(3),
        ..ServerConfig::default()
    }
}

/// Serves until standard input ends.
pub(crate) fn run(arguments: &ServeArguments) -> Outcome {
    silence_planned_panics();
    let ledger = Arc::new(Ledger::open(&arguments.ledger)?);
    let (later, replies) = channel();
    std::thread::spawn(move || answer_later(&replies));
    let service = WorkServer::new(Worker { ledger, number: arguments.number, later });
    let server = bind(arguments)?.serve(service).spawn()?;
    let mut output = io::stdout();
    writeln!(output, "{}", server.local_addr())?;
    output.flush()?;
    process::until_asked_to_end()?;
    let statistics = server.statistics();
    let report = server.shutdown(GRACE);
    writeln!(io::stderr(), "{statistics:#}\n{report:?}")?;
    Ok(true)
}

/// Binds the address that the previous process had, unless somebody else has taken it meanwhile.
fn bind(arguments: &ServeArguments) -> Result<Server, farcall::ServeError> {
    let bind =
        |address: SocketAddr| Server::builder().config(config(arguments.clients)).bind(address);
    bind(arguments.address).or_else(|_| bind(SocketAddr::from(([127, 0, 0, 1], 0))))
}

fn silence_planned_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some(PANIC) {
            usual(info);
        }
    }));
}

struct Worker {
    ledger: Arc<Ledger>,
    /// Which server process this is.
    number: u32,
    later: Sender<Late>,
}

impl Worker {
    /// Writes down that the call runs, which comes before everything that can be seen of it elsewhere.
    fn run(&self, method: Method, id: u64, argument: u64) -> Answer {
        let answer = Answer::new(id, self.number, argument);
        self.ledger.write(&Record::new(Event::Ran, method as u8, id, answer.digest));
        answer
    }
}

impl Work for Worker {
    fn quick(&self, id: u64, argument: u64) -> Answer {
        self.run(Method::Quick, id, argument)
    }

    fn slow(&self, id: u64, argument: u64, milliseconds: u32) -> Answer {
        let answer = self.run(Method::Slow, id, argument);
        std::thread::sleep(Duration::from_millis(milliseconds.into()));
        answer
    }

    fn later(&self, id: u64, argument: u64, milliseconds: u32, to: Reply<Answer>) {
        let answer = self.run(Method::Later, id, argument);
        let due = Instant::now() + Duration::from_millis(milliseconds.into());
        // It fails only when the process is about to end.
        let _ = self.later.send(Late { due, to, answer });
    }

    fn put(&self, id: u64, content: &[u8]) -> Answer {
        self.run(Method::Put, id, sum(content))
    }

    fn get(&self, id: u64, argument: u64, size: u32) -> (Answer, Vec<u8>) {
        let answer = self.run(Method::Get, id, argument);
        (answer, content(argument, size as usize))
    }

    fn repeatable(&self, id: u64, argument: u64) -> Answer {
        self.run(Method::Repeatable, id, argument)
    }

    fn panics(&self, id: u64, argument: u64) -> Answer {
        self.run(Method::Panics, id, argument);
        panic!("{PANIC}");
    }

    fn oneway(&self, id: u64, argument: u64) {
        self.run(Method::Oneway, id, argument);
    }
}

/// An answer that is not due yet.
struct Late {
    due: Instant,
    to: Reply<Answer>,
    answer: Answer,
}

fn answer_later(replies: &Receiver<Late>) {
    let mut waiting = BTreeMap::new();
    let mut count = 0u64;
    loop {
        let now = Instant::now();
        while let Some(first) = waiting.first_entry() {
            let &(due, _): &(Instant, u64) = first.key();
            if due > now {
                break;
            }
            let Late { to, answer, .. } = first.remove();
            to.send(answer);
        }
        let wait =
            waiting.keys().next().map_or(GRACE, |(due, _)| due.saturating_duration_since(now));
        match replies.recv_timeout(wait) {
            Ok(late) => {
                count += 1;
                waiting.insert((late.due, count), late);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
