//! Calls that handlers make: they end when the call ends that is being answered.

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use farcall::{CallError, CallErrorKind, Client, Context, Outcome, Server, Stub, rpc_interface};

use crate::support::{Gate, PATIENCE, Place, Running, both, eventually};

/// One of a chain of servers.
#[rpc_interface]
trait Relay {
    /// What is left here, and at every server behind.
    fn remaining(&self, #[ctx] cx: &Context) -> Vec<Option<Duration>>;
    /// Asks the next server in one of several ways.
    fn ask(&self, #[ctx] cx: &Context, way: Way) -> Option<Duration>;
    /// Asks it twice, and waits in between, so that the second call is made in another turn.
    async fn await_next(&self, #[ctx] cx: &Context) -> Vec<Option<Duration>>;
    #[rpc(oneway)]
    fn tell(&self, #[ctx] cx: &Context);
    fn hold(&self);
    /// Calls the next server's `hold`, and reports what came of it to the test.
    fn hold_next(&self, own_deadline: Option<Duration>);
    /// Calls the next server when nobody waits any more, and reports what came of it to the test.
    fn call_too_late(&self, #[ctx] cx: &Context, way: Way);
}

#[derive(Clone, Copy, Debug, PartialEq, farcall::Marshal)]
enum Way {
    Plainly,
    Started,
    /// Started here, waited for where there is no scope.
    WaitedForElsewhere,
    OfItsOwnAccord,
    InAThread,
    InAThreadInScope,
    Told,
}

/// The calls of a stub without a deadline of its own would wait for ever.
const DEADLINE: Duration = Duration::from_secs(8);

struct Link {
    next: Option<RelayClient>,
    gate: Gate,
    told: Mutex<Sender<Option<Duration>>>,
    failed: Mutex<Sender<Report>>,
}

/// What a handler found out after its caller had gone.
struct Report {
    result: Result<(), CallError>,
    took: Duration,
}

impl Link {
    fn next(&self) -> &RelayClient {
        self.next.as_ref().expect("this server is not the last one")
    }

    fn report(&self, work: impl FnOnce() -> Result<(), CallError>) {
        let start = Instant::now();
        let report = Report { result: work(), took: start.elapsed() };
        self.failed.lock().unwrap().send(report).expect("the test waits for it");
    }
}

fn last(remaining: Result<Vec<Option<Duration>>, CallError>) -> Option<Duration> {
    *remaining.unwrap().last().unwrap()
}

impl Relay for Link {
    fn remaining(&self, cx: &Context) -> Vec<Option<Duration>> {
        let behind = self.next.as_ref().map(|next| next.remaining().unwrap());
        [vec![cx.remaining()], behind.unwrap_or_default()].concat()
    }

    fn ask(&self, cx: &Context, way: Way) -> Option<Duration> {
        let next = self.next();
        last(match way {
            Way::Plainly => next.remaining(),
            Way::Started => next.start().remaining().wait(),
            Way::WaitedForElsewhere => {
                let started = next.start().remaining();
                thread::spawn(|| started.wait()).join().unwrap()
            }
            Way::OfItsOwnAccord => Context::detached().scope(|| next.remaining()),
            Way::InAThread => {
                thread::scope(|scope| scope.spawn(|| next.remaining()).join().unwrap())
            }
            Way::InAThreadInScope => {
                thread::scope(|scope| scope.spawn(|| cx.scope(|| next.remaining())).join().unwrap())
            }
            Way::Told => return next.tell().map(|()| None).unwrap(),
        })
    }

    async fn await_next(&self, cx: &Context) -> Vec<Option<Duration>> {
        let first = self.next().start().remaining().await;
        let second = self.next().start().remaining().await;
        vec![cx.remaining(), last(first), last(second)]
    }

    fn tell(&self, cx: &Context) {
        self.told.lock().unwrap().send(cx.remaining()).expect("the test waits for it");
    }

    fn hold(&self) {
        self.gate.pass();
    }

    fn hold_next(&self, own_deadline: Option<Duration>) {
        let next =
            own_deadline.map_or_else(|| self.next().clone(), |own| self.next().with_deadline(own));
        self.report(|| next.hold());
    }

    fn call_too_late(&self, cx: &Context, way: Way) {
        self.gate.pass();
        eventually("nothing is left", || (cx.remaining() == Some(Duration::ZERO)).then_some(()));
        let next = self.next();
        self.report(|| match way {
            Way::Plainly => next.remaining().map(drop),
            Way::Started => next.start().remaining().wait().map(drop),
            Way::Told => next.tell(),
            Way::OfItsOwnAccord => Context::detached().scope(|| next.remaining()).map(drop),
            other => unreachable!("{other:?}"),
        });
    }
}

/// Three servers, each a client of the next, and a client of the first.
struct Chain<'p> {
    a: RelayClient,
    servers: Vec<Running<'p>>,
    /// Of the second and of the third server.
    gates: [Gate; 2],
    told: Receiver<Option<Duration>>,
    failed: Receiver<Report>,
}

impl<'p> Chain<'p> {
    fn new(places: &'p [Place; 3]) -> Self {
        let ((tell, told), (fail, failed)) = (mpsc::channel(), mpsc::channel());
        let (mut next, mut servers, mut gates) = (None, Vec::new(), Vec::new());
        for place in places.iter().rev() {
            let gate = Gate::new();
            let link = Link {
                next: next.take(),
                gate: gate.clone(),
                told: Mutex::new(tell.clone()),
                failed: Mutex::new(fail.clone()),
            };
            let server = place.serve(|server: Server| server.serve(RelayServer::new(link)));
            let client = server.client_with(Client::builder().no_deadline());
            client.ready(PATIENCE).unwrap();
            next = Some(client.stub());
            gates.insert(0, gate);
            servers.insert(0, server);
        }
        let [_, second, third] = <[Gate; 3]>::try_from(gates).ok().unwrap();
        let a = next.unwrap();
        Self { a, servers, gates: [second, third], told, failed }
    }

    fn failure(&self) -> Report {
        self.failed.recv_timeout(PATIENCE).expect("the handler comes to its end")
    }
}

/// Two more places of the same kind.
fn places(place: &Place) -> [Place; 3] {
    [0; 3].map(|_| match place {
        Place::Udp => Place::Udp,
        Place::InProcess(_) => Place::in_process(),
    })
}

both! {
    fn the_last_of_a_chain_sees_what_remains(place: &Place) {
        let places = places(place);
        let chain = Chain::new(&places);
        let remaining = chain.a.with_deadline(DEADLINE).remaining().unwrap();
        let remaining: Vec<_> = remaining.into_iter().map(|left| left.unwrap()).collect();
        assert_eq!(remaining.len(), 3);
        // Whole milliseconds travel, rounded up.
        let rounding = Duration::from_millis(2);
        assert!(remaining[0] <= DEADLINE + rounding, "{remaining:?}");
        assert!(remaining[1] <= remaining[0] + rounding, "{remaining:?}");
        assert!(remaining[2] <= remaining[1] + rounding, "{remaining:?}");
        assert!(remaining[2] > DEADLINE / 2, "{remaining:?}");
        // Without a deadline at the beginning there is none anywhere.
        assert_eq!(chain.a.remaining().unwrap(), [None; 3]);
    }

    fn every_kind_of_call_ends_with_the_one_that_is_answered(place: &Place) {
        let places = places(place);
        let chain = Chain::new(&places);
        let b = chain.servers[1].stub::<RelayClient>().with_deadline(DEADLINE);
        for way in [Way::Plainly, Way::Started, Way::WaitedForElsewhere, Way::InAThreadInScope] {
            let left = b.ask(way).unwrap();
            assert!(left.is_some_and(|left| left <= DEADLINE), "{way:?}: {left:?}");
        }
        b.ask(Way::Told).unwrap();
        let left = chain.told.recv_timeout(PATIENCE).unwrap();
        assert!(left.is_some_and(|left| left <= DEADLINE), "one-way: {left:?}");

        let left = b.await_next().unwrap();
        assert_eq!(left.len(), 3);
        let is_inherited = |left: &Option<Duration>| left.is_some_and(|left| left <= DEADLINE);
        assert!(left.iter().all(is_inherited), "in every turn of a future: {left:?}");

        // What opts out, and what is not known to belong to the call.
        for way in [Way::OfItsOwnAccord, Way::InAThread] {
            assert_eq!(b.ask(way).unwrap(), None, "{way:?}");
        }
    }

    fn a_call_that_outlasts_the_one_that_is_answered_says_whose_deadline_it_was(place: &Place) {
        let places = places(place);
        let chain = Chain::new(&places);
        let [_, gate] = &chain.gates;
        let b = chain.servers[1].stub::<RelayClient>().with_deadline(Duration::from_millis(300));
        let error = b.hold_next(None).unwrap_err();
        assert!(
            matches!(error.kind(), CallErrorKind::DeadlineExceeded { inherited: false, .. }),
            "the caller's own: {error}"
        );
        let error = chain.failure().result.unwrap_err();
        let CallErrorKind::DeadlineExceeded { deadline, inherited: true } = *error.kind() else {
            panic!("{error}")
        };
        assert!(deadline <= Duration::from_millis(301), "{deadline:?}");
        assert_ne!(error.outcome(), Outcome::NotExecuted, "it was running");
        let text = error.to_string();
        assert!(text.contains("was all the time left to the call that was being answered"), "{text}");

        // A deadline of its own that comes first is its own.
        let own = Duration::from_millis(50);
        b.with_deadline(DEADLINE).hold_next(Some(own)).unwrap();
        let error = chain.failure().result.unwrap_err();
        let kind = CallErrorKind::DeadlineExceeded { deadline: own, inherited: false };
        assert_eq!(*error.kind(), kind);
        gate.open();
    }

    fn a_call_for_a_caller_that_has_gone_does_not_begin(place: &Place) {
        let places = places(place);
        let chain = Chain::new(&places);
        let b = chain.servers[1].stub::<RelayClient>();
        let third = &chain.servers[2].handle;
        let (before, [gate, _]) = (third.statistics(), &chain.gates);
        for (count, way) in [Way::Plainly, Way::Started, Way::Told].into_iter().enumerate() {
            let call = b.with_deadline(Duration::from_millis(100)).start().call_too_late(way);
            gate.until_entered(count + 1);
            gate.open();
            // The server's clock may see the deadline pass first, and its answer be in time.
            let _ = call.wait();
            let Report { result, took } = chain.failure();
            let error = result.unwrap_err();
            let zero = Duration::ZERO;
            let kind = CallErrorKind::DeadlineExceeded { deadline: zero, inherited: true };
            assert_eq!((error.outcome(), error.kind()), (Outcome::NotExecuted, &kind), "{way:?}");
            assert!(took < Duration::from_secs(2), "{way:?} took {took:?}");
            assert!(error.to_string().contains("nobody waits for it any more"), "{error}");
        }
        let after = third.statistics();
        assert_eq!((after.calls, after.refusals), (before.calls, before.refusals), "none was sent");

        // Work that has to be done all the same is done in a scope of its own.
        let call = b.with_deadline(Duration::from_millis(100)).start().call_too_late(Way::OfItsOwnAccord);
        let _ = call.wait();
        chain.failure().result.unwrap();
        assert_eq!(third.statistics().calls, before.calls + 1);
    }

    fn a_deadline_of_nothing_ends_at_once(place: &Place) {
        let server = place.serve(|server: Server| server);
        let relay = server.stub::<RelayClient>().with_deadline(Duration::ZERO);
        let error = relay.hold().unwrap_err();
        let kind = CallErrorKind::DeadlineExceeded { deadline: Duration::ZERO, inherited: false };
        assert_eq!((error.outcome(), error.kind()), (Outcome::NotExecuted, &kind));
    }
}
