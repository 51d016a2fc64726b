//! One call at a time: written down before it is made, and again when its end is known.

use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use farcall::{CallError, CallErrorKind, Client, Outcome, Pending};
use fastrand::Rng;

use crate::arguments::CallArguments;
use crate::client::DEADLINE;
use crate::interface::{Answer, Method, WorkClient, content, sum};
use crate::record::{Event, Ledger, Record};

/// How long the server is asked what became of a call.
const SETTLING: Duration = Duration::from_millis(700);

/// What the threads of a client have in common.
pub(super) struct Shared {
    ledger: Ledger,
    /// The bits of an id that say whose call it is.
    prefix: u64,
    next: AtomicU32,
}

impl Shared {
    pub(super) fn new(arguments: &CallArguments) -> io::Result<Self> {
        Ok(Self {
            ledger: Ledger::open(&arguments.ledger)?,
            prefix: u64::from(arguments.client) << 48 | u64::from(arguments.number) << 32,
            next: AtomicU32::new(0),
        })
    }
}

/// A call whose end is not known yet.
pub(super) enum Open {
    Small(Begun, Pending<Answer>),
    Large(Begun, u32, Pending<(Answer, Vec<u8>)>),
}

/// A call that was written down.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    id: u64,
    argument: u64,
}

/// Makes the calls of one thread.
pub(super) struct Caller {
    shared: Arc<Shared>,
    /// Stubs with different deadlines.
    stubs: Vec<WorkClient>,
    pub(super) random: Rng,
}

impl Caller {
    pub(super) fn new(client: &Client, shared: Arc<Shared>, seed: u64) -> Self {
        let stubs =
            [0.01, 0.05, 0.3, 1.0].map(|part| client.with_deadline(DEADLINE.mul_f64(part)).stub());
        Self { shared, stubs: stubs.into(), random: Rng::with_seed(seed) }
    }

    fn begin(&mut self, method: Method) -> (Begun, WorkClient) {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let begun =
            Begun { id: self.shared.prefix | u64::from(number), argument: self.random.u64(..) };
        self.write(Event::Begun, method as u8, begun.id, 0);
        // Short deadlines are rare, or nothing but fences would be seen in bad weather.
        let stub = match self.random.u8(..20) {
            0 => 0,
            1 | 2 => 1,
            3..=8 => 2,
            _ => 3,
        };
        (begun, self.stubs[stub].clone())
    }

    fn write(&self, event: Event, detail: u8, id: u64, value: u64) {
        self.shared.ledger.write(&Record::new(event, detail, id, value));
    }

    /// A small call, waited for.
    pub(super) fn call(&mut self) {
        let kind = self.random.u8(..100);
        let milliseconds = self.milliseconds();
        let (begun, result) = match kind {
            0 => {
                let (begun, stub) = self.begin(Method::Slow);
                (begun, stub.slow(begun.id, begun.argument, milliseconds))
            }
            1..=4 => {
                let (begun, stub) = self.begin(Method::Later);
                (begun, stub.later(begun.id, begun.argument, milliseconds))
            }
            5..=14 => {
                let (begun, stub) = self.begin(Method::Repeatable);
                (begun, stub.repeatable(begun.id, begun.argument))
            }
            15..=24 => return self.call_oneway(),
            _ => {
                let (begun, stub) = self.begin(Method::Quick);
                (begun, stub.quick(begun.id, begun.argument))
            }
        };
        self.told(begun, result);
    }

    fn call_oneway(&mut self) {
        let (begun, stub) = self.begin(Method::Oneway);
        match stub.oneway(begun.id, begun.argument) {
            Ok(()) => self.write(Event::Untold, 0, begun.id, 0),
            Err(error) => self.failed(begun, &error),
        }
    }

    /// Starts a small call.
    pub(super) fn start(&mut self) -> Open {
        let kind = self.random.u16(..1000);
        let milliseconds = self.milliseconds();
        let (begun, call) = match kind {
            0..=9 => {
                let (begun, stub) = self.begin(Method::Slow);
                (begun, stub.start().slow(begun.id, begun.argument, milliseconds))
            }
            10..=49 => {
                let (begun, stub) = self.begin(Method::Later);
                (begun, stub.start().later(begun.id, begun.argument, milliseconds))
            }
            50..=149 => {
                let (begun, stub) = self.begin(Method::Repeatable);
                (begun, stub.start().repeatable(begun.id, begun.argument))
            }
            150..=152 => {
                let (begun, stub) = self.begin(Method::Panics);
                (begun, stub.start().panics(begun.id, begun.argument))
            }
            153..=172 => return self.start_put(0..5000),
            173..=192 => return self.start_get(0..5000),
            _ => {
                let (begun, stub) = self.begin(Method::Quick);
                (begun, stub.start().quick(begun.id, begun.argument))
            }
        };
        Open::Small(begun, call)
    }

    /// Starts a call with arguments of some size.
    pub(super) fn start_put(&mut self, sizes: core::ops::Range<u32>) -> Open {
        let (mut begun, stub) = self.begin(Method::Put);
        let content = content(begun.argument, self.random.u32(sizes) as usize);
        begun.argument = sum(&content);
        Open::Small(begun, stub.start().put(begun.id, &content))
    }

    /// Starts a call with a result of some size.
    pub(super) fn start_get(&mut self, sizes: core::ops::Range<u32>) -> Open {
        let (begun, stub) = self.begin(Method::Get);
        let size = self.random.u32(sizes);
        Open::Large(begun, size, stub.start().get(begun.id, begun.argument, size))
    }

    fn milliseconds(&mut self) -> u32 {
        // Mostly short, at times longer than the longest deadline.
        let short = self.random.u32(1..60);
        if self.random.u8(..50) == 0 { short * 60 } else { short }
    }

    /// Cancels the call, or gives it away, now and then.
    pub(super) fn meddle(&mut self, open: Open) -> Option<Open> {
        match (self.random.u8(..100), open) {
            (0..=2, Open::Small(begun, call)) => {
                call.cancel();
                Some(Open::Small(begun, call))
            }
            (0..=2, Open::Large(begun, size, call)) => {
                call.cancel();
                Some(Open::Large(begun, size, call))
            }
            (3, Open::Small(begun, call)) => {
                self.write(Event::Untold, 0, begun.id, 0);
                drop(call);
                None
            }
            (4, Open::Small(begun, call)) => {
                self.write(Event::Untold, 0, begun.id, 0);
                call.detach();
                None
            }
            (_, open) => Some(open),
        }
    }

    /// Waits for the end of a call.
    pub(super) fn wait(&mut self, open: Open) {
        match open {
            Open::Small(begun, call) => {
                let result = call.wait();
                self.told(begun, result);
            }
            Open::Large(begun, size, call) => {
                let result = call.wait();
                self.told_large(begun, size, result);
            }
        }
    }

    /// The same for those who await it.
    pub(super) async fn until_ended(&mut self, open: Open) {
        match open {
            Open::Small(begun, call) => {
                let result = call.await;
                self.told(begun, result);
            }
            Open::Large(begun, size, call) => {
                let result = call.await;
                self.told_large(begun, size, result);
            }
        }
    }

    fn told(&mut self, begun: Begun, result: Result<Answer, CallError>) {
        match result {
            Ok(answer) => self.replied(begun, &answer),
            Err(error) => self.failed(begun, &error),
        }
    }

    fn told_large(
        &mut self,
        begun: Begun,
        size: u32,
        result: Result<(Answer, Vec<u8>), CallError>,
    ) {
        match result {
            Ok((answer, bytes)) if bytes == content(begun.argument, size as usize) => {
                self.replied(begun, &answer);
            }
            Ok((answer, _)) => self.write(Event::WrongReply, 0, begun.id, answer.digest),
            Err(error) => self.failed(begun, &error),
        }
    }

    fn replied(&self, begun: Begun, answer: &Answer) {
        let fits = answer.fits(begun.id, begun.argument);
        let event = if fits { Event::Replied } else { Event::WrongReply };
        self.write(event, 0, begun.id, answer.digest);
    }

    fn failed(&mut self, begun: Begun, error: &CallError) {
        let reason = reason(error.kind());
        let event = |outcome| match outcome {
            Outcome::NotExecuted => Event::NotExecuted,
            Outcome::Executed => Event::Executed,
            Outcome::Unknown => Event::Unknown,
        };
        self.write(event(error.outcome()), reason, begun.id, 0);
        // Asking takes time, so only some do.
        if error.outcome() == Outcome::Unknown && self.random.u8(..8) == 0 {
            if let Some(answer) = error.settled_reply::<Answer>(SETTLING) {
                self.replied(begun, &answer);
            } else {
                let outcome = error.settle(Duration::from_millis(1));
                self.write(event(outcome), reason, begun.id, 0);
            }
        }
    }
}

macro_rules! reasons {
    ($($pattern:pat => $label:literal,)*) => {
        /// The reasons of failures, by their numbers in a ledger.
        pub(crate) const REASONS: &[&str] = &[$($label,)* "another reason"];

        fn reason(kind: &CallErrorKind) -> u8 {
            let label = match kind {
                $($pattern => $label,)*
                _ => "another reason",
            };
            REASONS.iter().position(|reason| *reason == label).expect("it is in the list") as u8
        }
    };
}

reasons! {
    CallErrorKind::DeadlineExceeded { .. } => "deadline exceeded",
    CallErrorKind::Cancelled => "cancelled",
    CallErrorKind::NoServer { .. } => "no server",
    CallErrorKind::Unreachable { .. } => "unreachable",
    CallErrorKind::ServerRestarted => "server restarted",
    CallErrorKind::Busy { .. } => "busy",
    CallErrorKind::ServerFull => "server full",
    CallErrorKind::ShuttingDown => "shutting down",
    CallErrorKind::ArgumentsLost { .. } => "arguments lost",
    CallErrorKind::HandlerPanicked { .. } => "handler panicked",
    CallErrorKind::ReplyTooLarge { .. } => "reply too large",
    CallErrorKind::ReplyNotKept => "reply not kept",
    CallErrorKind::Abandoned => "abandoned",
    CallErrorKind::Misuse => "misuse",
    CallErrorKind::CorruptReply => "corrupt reply",
    CallErrorKind::UndecodableArguments { .. } => "undecodable arguments",
    CallErrorKind::UndecodableReply(_) => "undecodable reply",
}
