//! The spans of calls, on both sides.

#![allow(unreachable_pub, reason = "the support is shared with other tests")]

mod collector;
#[path = "../support/mod.rs"]
mod support;

use std::sync::{Arc, Mutex};

use farcall::__private::{Answer, Call, Interface, Service};
use farcall::{Context, Outcome, Reply, Server, Stub, rpc_interface};

use crate::collector::{Span, collector};
use crate::support::{Gate, Place, eventually, until_running};

const CLIENT: &str = "farcall::client";
const SERVER: &str = "farcall::server";

/// The spans of an interface that have ended, as soon as there are so many.
#[track_caller]
fn ended(target: &str, interface: &str, count: usize) -> Vec<Span> {
    eventually("the spans have ended", || {
        let spans = collector().spans(target, interface);
        assert!(spans.len() <= count, "{spans:#?}");
        (spans.len() == count && spans.iter().all(Span::is_closed)).then_some(spans)
    })
}

/// The only span of an interface on either side.
#[track_caller]
fn both_ends(interface: &str) -> (Span, Span) {
    let only = |target| ended(target, interface, 1).pop().unwrap();
    (only(CLIENT), only(SERVER))
}

#[track_caller]
fn assert_linked(client: &Span, server: &Span) {
    for name in ["interface", "method", "session", "number"] {
        assert_eq!(client.field(name), server.field(name), "{name}: {client:#?} {server:#?}");
    }
    let session = client.field("session");
    assert_eq!(session.len(), 16, "{session}");
    assert!(u64::from_str_radix(session, 16).is_ok_and(|session| session != 0), "{session}");
    assert!(client.field("number").parse::<u64>().is_ok_and(|number| number > 0));
}

#[track_caller]
fn assert_ended(span: &Span, outcome: &str, error: &str) {
    assert_eq!((span.field("outcome"), span.field("error")), (outcome, error), "{span:#?}");
}

#[rpc_interface(name = "plain")]
trait Plain {
    fn echo(&self, text: &str) -> String;
}

struct Echo;

impl Plain for Echo {
    fn echo(&self, text: &str) -> String {
        tracing::info!(text, "in the handler");
        text.to_owned()
    }
}

#[test]
fn both_sides_of_a_call_are_linked_by_session_and_number() {
    collector();
    let server =
        Server::bind("127.0.0.1:0").unwrap().serve(PlainServer::new(Echo)).spawn().unwrap();
    let plain = PlainClient::connect(server.local_addr()).unwrap();
    let users_own = tracing::info_span!("the user's own");
    let id = users_own.id().unwrap().into_u64();
    assert_eq!(users_own.in_scope(|| plain.echo("hello")).unwrap(), "hello");

    let (client, server_span) = both_ends("plain");
    assert_linked(&client, &server_span);
    assert_eq!(client.field("method"), "echo");
    assert_ended(&client, "Replied", "");
    assert_ended(&server_span, "Replied", "");
    assert_eq!(client.parent, Some(id), "it is a part of what the user does");
    assert_eq!(server_span.parent, None);
    assert_eq!(client.field("peer"), server.local_addr().to_string());
    assert!(server_span.field("peer").starts_with("127.0.0.1:"));
    let events: Vec<_> = server_span.events.iter().map(|event| &*event["message"]).collect();
    assert_eq!(events, ["in the handler"], "what the handler says is in the span");

    let said = collector().said_of(client.field("session"));
    assert_eq!(said, Vec::<String>::new(), "the session was news of the user's own span");
    let news: Vec<_> = collector().span(id).events.iter().map(|e| e["message"].clone()).collect();
    assert_eq!(news, ["a handshake has begun", "a session was opened"]);
}

#[rpc_interface(name = "outer")]
trait Outer {
    fn ask(&self, #[ctx] cx: &Context);
}

#[rpc_interface(name = "inner")]
trait Inner {
    fn answer(&self);
}

struct Asker(InnerClient);

impl Outer for Asker {
    fn ask(&self, cx: &Context) {
        self.0.answer().unwrap();
        // A thread takes part if it is told so.
        std::thread::scope(|scope| {
            scope.spawn(|| cx.scope(|| self.0.answer().unwrap()));
            scope.spawn(|| self.0.answer().unwrap());
        });
    }
}

struct Answerer;

impl Inner for Answerer {
    fn answer(&self) {}
}

#[test]
fn a_call_that_a_handler_makes_is_inside_the_call_that_it_answers() {
    collector();
    let (first, second) = (Place::in_process(), Place::in_process());
    let inner = first.serve(|server| server.serve(InnerServer::new(Answerer)));
    let outer = second.serve(|server| server.serve(OuterServer::new(Asker(inner.stub()))));
    outer.stub::<OuterClient>().ask().unwrap();

    let (_, asked) = both_ends("outer");
    let mut parents: Vec<_> =
        ended(CLIENT, "inner", 3).into_iter().map(|span| span.parent).collect();
    parents.sort();
    assert_eq!(parents, [None, Some(asked.id), Some(asked.id)]);
}

#[rpc_interface(name = "ends")]
trait Ends {
    fn hold(&self);
    fn panic(&self);
    #[rpc(oneway)]
    fn tell(&self);
}

#[rpc_interface(name = "ends")]
trait Newer {
    fn unknown(&self);
}

struct Holder(Gate);

impl Ends for Holder {
    fn hold(&self) {
        self.0.pass();
    }

    fn panic(&self) {
        panic!("as asked");
    }

    fn tell(&self) {}
}

#[test]
fn a_span_says_how_its_call_ended() {
    collector();
    let (place, gate) = (Place::Udp, Gate::new());
    let server = place.serve(|server| server.serve(EndsServer::new(Holder(gate.clone()))));
    let client = server.client();
    let ends: EndsClient = client.stub();

    ends.panic().unwrap_err();
    client.stub::<NewerClient>().unknown().unwrap_err();
    ends.tell().unwrap();
    let mut cancelled = ends.start().hold();
    until_running(&mut cancelled);
    cancelled.cancel();
    assert_eq!(cancelled.wait().unwrap_err().outcome(), Outcome::Executed);
    drop(ends.start().hold());
    ends.start().hold().detach();
    let polled = ends.start().hold();
    gate.open();
    pollster::block_on(polled).unwrap();

    let spans = ended(CLIENT, "ends", 7);
    let ends: Vec<_> = spans
        .iter()
        .map(|span| [span.field("method"), span.field("outcome"), span.field("error")])
        .collect();
    assert_eq!(
        ends,
        [
            ["panic", "Executed", "HandlerPanicked"],
            ["unknown", "NotExecuted", "UnknownMethod"],
            ["tell", "Sent", ""],
            ["hold", "Executed", "Cancelled"],
            ["hold", "Dropped", ""],
            ["hold", "Detached", ""],
            ["hold", "Replied", ""],
        ]
    );
    assert_eq!(spans[0].events.len(), 1);
    assert_eq!(spans[0].events[0]["detail"], "the handler panicked: as asked");

    // The dropped call may have been stopped before it began.
    let servers = eventually("the handlers end", || {
        let spans = collector().spans(SERVER, "ends");
        let is_over = spans.len() >= 5 && spans.iter().all(Span::is_closed);
        is_over.then_some(spans)
    });
    let of = |method: &str| {
        let spans = servers.iter().filter(|span| span.field("method") == method);
        spans.collect::<Vec<_>>()
    };
    assert_ended(of("panic")[0], "Executed", "HandlerPanicked");
    assert_eq!(of("panic")[0].events[0]["detail"], "as asked");
    assert_linked(&spans[0], of("panic")[0]);
    assert_ended(of("tell")[0], "Executed", "");
    assert_linked(&spans[2], of("tell")[0]);
    for held in of("hold") {
        assert_ended(held, "Replied", "");
    }
    assert_eq!(of("unknown").len(), 0, "nothing was run");
}

#[rpc_interface(name = "later")]
trait Later {
    fn reply(&self) -> u32;
    fn forget(&self) -> u32;
    fn future(&self) -> u32;
}

/// Answers after it has returned, as generated code lets handlers do.
#[derive(Clone, Default)]
struct Postponer(Arc<Mutex<Vec<Reply<u32>>>>);

impl Service for Postponer {
    fn interface(&self) -> &'static Interface {
        LaterClient::interface()
    }

    fn dispatch(&self, call: &Call<'_>) -> Answer {
        let methods = Self::interface(self).methods();
        let method = methods.iter().find(|method| method.id() == call.method()).unwrap();
        match method.name() {
            "future" => {
                let call = call.to_owned();
                Answer::future(None, async move {
                    call.enter();
                    tracing::info!("first");
                    yield_once().await;
                    tracing::info!("second");
                    Answer::reply(3_u32)
                })
            }
            "reply" => {
                call.enter();
                self.0.lock().unwrap().push(call.reply());
                Answer::later()
            }
            _ => {
                call.enter();
                drop(call.reply::<u32>());
                Answer::later()
            }
        }
    }
}

/// Wakes its task at once and goes on in the next turn.
async fn yield_once() {
    let mut has_yielded = false;
    std::future::poll_fn(|task| {
        task.waker().wake_by_ref();
        match std::mem::replace(&mut has_yielded, true) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

#[test]
fn the_span_of_a_call_that_is_answered_later_ends_with_its_answer() {
    collector();
    let (place, postponer) = (Place::in_process(), Postponer::default());
    let server = place.serve(|server| server.serve(postponer.clone()));
    let later: LaterClient = server.stub();

    let call = later.start().reply();
    let to = eventually("the handler was entered", || postponer.0.lock().unwrap().pop());
    let open = collector().spans(SERVER, "later").pop().unwrap();
    assert!(!open.is_closed(), "its handler has returned, and it is not answered");
    to.context().scope(|| tracing::info!("on another thread"));
    // A context that outlives the call does not keep its span.
    let context = to.context().clone();
    to.send(1);
    assert_eq!(call.wait().unwrap(), 1);
    let replied = ended(SERVER, "later", 1).pop().unwrap();
    assert_ended(&replied, "Replied", "");
    assert_eq!(replied.events[0]["message"], "on another thread");
    context.scope(|| tracing::info!("after the end"));
    assert_eq!(collector().span(replied.id).events.len(), 1);

    later.forget().unwrap_err();
    assert_ended(&ended(SERVER, "later", 2)[1], "Executed", "ReplyDropped");

    assert_eq!(later.future().unwrap(), 3);
    let future = ended(SERVER, "later", 3).pop().unwrap();
    assert_ended(&future, "Replied", "");
    let said: Vec<_> = future.events.iter().map(|event| &*event["message"]).collect();
    assert_eq!(said, ["first", "second"], "every poll is in the span");
}

#[rpc_interface(name = "generated")]
trait Generated {
    async fn ask(&self) -> u32;
    fn later(&self, #[reply] to: Reply<u32>);
}

struct Patient(InnermostClient);

impl Generated for Patient {
    async fn ask(&self) -> u32 {
        self.0.start().answer().await.unwrap();
        tracing::info!("asked");
        self.0.start().answer().await.unwrap() + 1
    }

    fn later(&self, to: Reply<u32>) {
        std::thread::spawn(move || {
            to.context().clone().scope(|| tracing::info!("on a thread of its own"));
            to.send(7);
        });
    }
}

#[rpc_interface(name = "innermost")]
trait Innermost {
    fn answer(&self) -> u32;
}

impl Innermost for Echo {
    fn answer(&self) -> u32 {
        4
    }
}

#[test]
fn generated_handlers_that_answer_later_are_in_their_spans() {
    collector();
    let (first, second) = (Place::in_process(), Place::Udp);
    let inner = first.serve(|server| server.serve(InnermostServer::new(Echo)));
    let patient = Patient(inner.stub());
    let server = second.serve(|server| server.serve(GeneratedServer::new(patient)));
    let generated: GeneratedClient = server.stub();

    assert_eq!(generated.ask().unwrap(), 5);
    let (client, asked) = both_ends("generated");
    assert_linked(&client, &asked);
    assert_ended(&asked, "Replied", "");
    let says = |span: &Span, what: &str| span.events.iter().any(|event| event["message"] == what);
    assert!(says(&asked, "asked"), "{asked:#?}");
    let parents: Vec<_> = ended(CLIENT, "innermost", 2).iter().map(|span| span.parent).collect();
    assert_eq!(parents, [Some(asked.id); 2], "the calls of every turn are inside");

    assert_eq!(generated.later().unwrap(), 7);
    let later = ended(SERVER, "generated", 2).pop().unwrap();
    assert_ended(&later, "Replied", "");
    assert_eq!(later.events[0]["message"], "on a thread of its own");
}

#[cfg(feature = "sim")]
mod virtual_time {
    use std::time::Duration;

    use farcall::Client;
    use farcall::sim::World;

    use super::*;

    #[rpc_interface(name = "lossy")]
    trait Lossy {
        fn run(&self);
    }

    impl Lossy for Echo {
        fn run(&self) {}
    }

    #[test]
    fn copies_and_lost_sessions_are_told() {
        collector();
        let world = World::new(1);
        let server = Server::on(&world, "work").unwrap();
        let _server = server.serve(LossyServer::new(Echo)).spawn().unwrap();
        let client = Client::on(&world.host("alice"), "work").unwrap();
        let lossy: LossyClient = client.stub();
        lossy.run().unwrap();
        world.cut("alice", "work");
        world.after(Duration::from_millis(5), |world| world.heal());
        lossy.run().unwrap();
        world.host("work").restart();
        // What was heard of the restart is told with the next call.
        while lossy.run().is_err() {}
        lossy.run().unwrap();

        let spans = collector().spans(CLIENT, "lossy");
        let sessions: Vec<_> = spans.iter().map(|span| span.field("session")).collect();
        let copies: Vec<_> = spans.iter().map(|span| span.field("retransmissions")).collect();
        assert_eq!(copies[0], "0");
        assert_eq!(copies[1], client.statistics().retransmissions.to_string());
        assert_ne!(copies[1], "0", "its first copy was lost");
        let (first, last) = (sessions[0], *sessions.last().unwrap());
        assert_ne!(first, last);
        let lost = "the server does not know the session any more";
        assert_eq!(collector().said_of(first), ["a session was opened", lost]);
        assert_eq!(collector().said_of(last), ["a session was opened"]);
    }
}
