//! Yesterday's clients at today's servers, and the reverse: what both know works, and what does not
//! match is an error of that call alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use farcall::{CallError, CallErrorKind, Outcome, Server, ServerStatistics, Stub, rpc_interface};

use crate::support::{Gate, both, eventually};

/// The interface as it was.
mod old {
    #[derive(Debug, PartialEq, farcall::Marshal)]
    pub struct Book {
        pub title: String,
        pub shelf: Shelf,
    }

    #[derive(Debug, PartialEq, farcall::Marshal)]
    pub struct Shelf {
        pub row: u32,
    }

    #[derive(Debug, PartialEq, farcall::Marshal)]
    pub enum State {
        Free,
        Lent { to: String },
    }

    #[farcall::rpc_interface(name = "library")]
    pub trait Library {
        fn same(&self, number: u32) -> u32;
        fn held(&self) -> u32;
        fn other_names(&self, first: u32, second: Shelf) -> u32;
        fn first_name(&self, number: u32) -> u32;
        fn lost_name(&self, number: u32) -> u32;
        fn old_only(&self, number: u32) -> u32;
        fn argument_type(&self, number: u32) -> u32;
        fn argument_added(&self, a: u32) -> u32;
        fn argument_removed(&self, a: u32, b: u32) -> u32;
        fn types_trade_places(&self, a: u32, b: &str) -> u32;
        fn values_trade_places(&self, minuend: u32, subtrahend: u32) -> u32;
        fn reply(&self) -> u32;
        fn reply_added(&self);
        fn field_added(&self, book: Book) -> u32;
        fn variant_added(&self, state: State) -> State;
        #[rpc(oneway)]
        fn noted(&self, line: u32);
    }

    /// It is served no longer.
    #[farcall::rpc_interface]
    pub trait Cellar {
        fn open(&self) -> u32;
    }
}

/// The interface as it is.
mod new {
    #[derive(Debug, PartialEq, farcall::Marshal)]
    pub struct Book {
        pub title: String,
        pub shelf: Shelf,
    }

    #[derive(Debug, PartialEq, farcall::Marshal)]
    pub struct Shelf {
        pub row: u32,
        pub place: Option<u32>,
    }

    #[derive(Debug, PartialEq, farcall::Marshal)]
    pub struct Board {
        pub number: u32,
    }

    #[derive(Debug, PartialEq, farcall::Marshal)]
    pub enum State {
        Free,
        Lent { to: String },
        Missing,
    }

    #[farcall::rpc_interface(name = "library")]
    pub trait Library {
        fn new_only(&self, number: u32) -> u32;
        fn same(&self, number: u32) -> u32;
        #[rpc(deadline = "20s")]
        fn held(&self) -> u32;
        fn other_names(&self, one: u32, other: Board) -> u32;
        #[rpc(id = 0xfbbf_2ac1)]
        fn second_name(&self, number: u32) -> u32;
        fn found_name(&self, number: u32) -> u32;
        fn argument_type(&self, number: u64) -> u32;
        fn argument_added(&self, a: u32, b: u32) -> u32;
        fn argument_removed(&self, a: u32) -> u32;
        fn types_trade_places(&self, b: &str, a: u32) -> u32;
        fn values_trade_places(&self, subtrahend: u32, minuend: u32) -> u32;
        fn reply(&self) -> i32;
        fn reply_added(&self) -> u32;
        fn field_added(&self, book: Book) -> u32;
        fn variant_added(&self, state: State) -> State;
        #[rpc(oneway)]
        fn noted(&self, line: u64);
    }

    /// It was not served before.
    #[farcall::rpc_interface]
    pub trait Attic {
        fn open(&self) -> u32;
    }
}

/// The handlers of both versions. They do the same, as far as there is the same to do.
#[derive(Default)]
struct Service {
    gate: Gate,
    noted: AtomicU32,
}

/// Handlers that return a number or nothing, written as briefly as there are many.
macro_rules! handlers {
    ($($method:ident($($argument:ident: $type:ty),*) $(-> $reply:ty = $value:expr)?;)*) => {
        $(fn $method(&self, $($argument: $type),*) $(-> $reply)? {
            $(let _ = &$argument;)*
            $($value)?
        })*
    };
}

impl old::Library for Service {
    fn held(&self) -> u32 {
        self.gate.pass();
        1
    }

    fn variant_added(&self, state: old::State) -> old::State {
        state
    }

    fn noted(&self, line: u32) {
        self.noted.fetch_add(line, Ordering::SeqCst);
    }

    handlers! {
        same(number: u32) -> u32 = number + 1;
        other_names(first: u32, second: old::Shelf) -> u32 = first - second.row;
        first_name(number: u32) -> u32 = number + 2;
        lost_name(number: u32) -> u32 = number;
        old_only(number: u32) -> u32 = number;
        argument_type(number: u32) -> u32 = number;
        argument_added(a: u32) -> u32 = a;
        argument_removed(a: u32, b: u32) -> u32 = a + b;
        types_trade_places(a: u32, b: &str) -> u32 = a;
        values_trade_places(minuend: u32, subtrahend: u32) -> u32 = minuend - subtrahend;
        reply() -> u32 = 1;
        reply_added();
        field_added(book: old::Book) -> u32 = book.shelf.row;
    }
}

impl new::Library for Service {
    fn held(&self) -> u32 {
        self.gate.pass();
        1
    }

    fn variant_added(&self, state: new::State) -> new::State {
        state
    }

    fn noted(&self, line: u64) {
        self.noted.fetch_add(line as u32, Ordering::SeqCst);
    }

    handlers! {
        new_only(number: u32) -> u32 = number;
        same(number: u32) -> u32 = number + 1;
        other_names(one: u32, other: new::Board) -> u32 = one - other.number;
        second_name(number: u32) -> u32 = number + 2;
        found_name(number: u32) -> u32 = number;
        argument_type(number: u64) -> u32 = number as u32;
        argument_added(a: u32, b: u32) -> u32 = a + b;
        argument_removed(a: u32) -> u32 = a;
        types_trade_places(b: &str, a: u32) -> u32 = a;
        values_trade_places(subtrahend: u32, minuend: u32) -> u32 = minuend - subtrahend;
        reply() -> i32 = 1;
        reply_added() -> u32 = 1;
        field_added(book: new::Book) -> u32 = book.shelf.row;
    }
}

impl old::Cellar for Service {
    fn open(&self) -> u32 {
        1
    }
}

impl new::Attic for Service {
    fn open(&self) -> u32 {
        2
    }
}

fn serve_old(service: &Arc<Service>) -> impl FnOnce(Server) -> Server {
    let service = Arc::clone(service);
    |server| {
        server
            .serve(old::LibraryServer::shared(Arc::clone(&service)))
            .serve(old::CellarServer::shared(service))
    }
}

fn serve_new(service: &Arc<Service>) -> impl FnOnce(Server) -> Server {
    let service = Arc::clone(service);
    |server| {
        server
            .serve(new::LibraryServer::shared(Arc::clone(&service)))
            .serve(new::AtticServer::shared(service))
    }
}

/// A call that was refused for this reason, and did not run.
#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, CallError>, kind: &CallErrorKind) {
    let error = result.expect_err("client and server do not agree");
    assert_eq!((error.outcome(), error.kind()), (Outcome::NotExecuted, kind), "{error}");
}

/// A call that was refused because of its signature; the error shows both.
#[track_caller]
fn assert_mismatch<T: std::fmt::Debug>(result: Result<T, CallError>, client: &str, server: &str) {
    let kind =
        CallErrorKind::SignatureMismatch { client: client.to_owned(), server: server.to_owned() };
    assert_refused(result, &kind);
}

/// What was refused cost the server nothing, and the client neither its session nor another call.
#[track_caller]
fn assert_undisturbed(statistics: &ServerStatistics, executions: u64, refusals: u64) {
    let ServerStatistics { sessions, sessions_opened, sessions_resumed, .. } = *statistics;
    assert_eq!((sessions, sessions_opened, sessions_resumed), (1, 1, 0));
    assert_eq!((statistics.executions, statistics.refusals), (executions, refusals));
    assert_eq!(statistics.panics, 0);
}

const SHELF: &str = "struct Shelf { row: u32 }";
const NEW_SHELF: &str = "struct Shelf { row: u32, place: Option<u32> }";
const BOOK: &str = "field_added(book: Book) -> u32\nstruct Book { title: string, shelf: Shelf }";
const STATE: &str =
    "variant_added(state: State) -> State\nenum State { 0 = Free, 1 = Lent { to: string }";

both! {
    fn an_old_client_at_a_new_server(place: &Place) {
        let service = Arc::new(Service::default());
        let server = place.serve(serve_new(&service));
        let client = server.client();
        let library: old::LibraryClient = client.stub();

        let held = library.start().held();
        service.gate.until_entered(1);
        assert_refused(library.old_only(1), &CallErrorKind::UnknownMethod);
        assert_refused(library.lost_name(1), &CallErrorKind::UnknownMethod);
        assert_refused(
            client.stub::<old::CellarClient>().open(),
            &CallErrorKind::UnknownInterface,
        );
        assert_mismatch(
            library.argument_type(1),
            "argument_type(number: u32) -> u32",
            "argument_type(number: u64) -> u32",
        );
        assert_mismatch(
            library.argument_added(1),
            "argument_added(a: u32) -> u32",
            "argument_added(a: u32, b: u32) -> u32",
        );
        assert_mismatch(
            library.argument_removed(1, 2),
            "argument_removed(a: u32, b: u32) -> u32",
            "argument_removed(a: u32) -> u32",
        );
        assert_mismatch(
            library.types_trade_places(1, "b"),
            "types_trade_places(a: u32, b: string) -> u32",
            "types_trade_places(b: string, a: u32) -> u32",
        );
        assert_mismatch(library.reply(), "reply() -> u32", "reply() -> i32");
        assert_mismatch(library.reply_added(), "reply_added() -> ()", "reply_added() -> u32");
        let book = old::Book { title: "Emma".to_owned(), shelf: old::Shelf { row: 4 } };
        assert_mismatch(
            library.field_added(book),
            &format!("{BOOK}\n{SHELF}"),
            &format!("{BOOK}\n{NEW_SHELF}"),
        );
        // Also for a value that both know: the server's answer might be one that the client does not.
        assert_mismatch(
            library.variant_added(old::State::Free),
            &format!("{STATE} }}"),
            &format!("{STATE}, 2 = Missing }}"),
        );

        // What both know works, also under other names. A call that runs meanwhile goes on.
        assert_eq!(library.same(1).unwrap(), 2);
        assert_eq!(library.first_name(1).unwrap(), 3);
        assert_eq!(library.other_names(5, old::Shelf { row: 3 }).unwrap(), 2);
        service.gate.open();
        assert_eq!(held.wait().unwrap(), 1);
        assert_undisturbed(&server.handle.statistics(), 4, 11);
        let statistics = client.statistics();
        assert_eq!((statistics.replies, statistics.failures), (4, 11));
        assert_eq!((statistics.sessions_opened, statistics.sessions_resumed), (1, 0));
        assert_eq!(statistics.fences, 0, "a verdict needs no further questions");
    }

    fn a_new_client_at_an_old_server(place: &Place) {
        let service = Arc::new(Service::default());
        let server = place.serve(serve_old(&service));
        let client = server.client();
        let library: new::LibraryClient = client.stub();

        let held = library.start().held();
        service.gate.until_entered(1);
        assert_refused(library.new_only(1), &CallErrorKind::UnknownMethod);
        assert_refused(library.found_name(1), &CallErrorKind::UnknownMethod);
        assert_refused(
            client.stub::<new::AtticClient>().open(),
            &CallErrorKind::UnknownInterface,
        );
        assert_mismatch(
            library.argument_type(1),
            "argument_type(number: u64) -> u32",
            "argument_type(number: u32) -> u32",
        );
        assert_mismatch(
            library.argument_added(1, 2),
            "argument_added(a: u32, b: u32) -> u32",
            "argument_added(a: u32) -> u32",
        );
        assert_mismatch(
            library.argument_removed(1),
            "argument_removed(a: u32) -> u32",
            "argument_removed(a: u32, b: u32) -> u32",
        );
        assert_mismatch(
            library.types_trade_places("b", 1),
            "types_trade_places(b: string, a: u32) -> u32",
            "types_trade_places(a: u32, b: string) -> u32",
        );
        assert_mismatch(library.reply(), "reply() -> i32", "reply() -> u32");
        assert_mismatch(library.reply_added(), "reply_added() -> u32", "reply_added() -> ()");
        let shelf = new::Shelf { row: 4, place: None };
        assert_mismatch(
            library.field_added(new::Book { title: "Emma".to_owned(), shelf }),
            &format!("{BOOK}\n{NEW_SHELF}"),
            &format!("{BOOK}\n{SHELF}"),
        );
        assert_mismatch(
            library.variant_added(new::State::Free),
            &format!("{STATE}, 2 = Missing }}"),
            &format!("{STATE} }}"),
        );

        assert_eq!(library.same(1).unwrap(), 2);
        assert_eq!(library.second_name(1).unwrap(), 3);
        assert_eq!(library.other_names(5, new::Board { number: 3 }).unwrap(), 2);
        service.gate.open();
        assert_eq!(held.wait().unwrap(), 1);
        assert_undisturbed(&server.handle.statistics(), 4, 11);
        let statistics = client.statistics();
        assert_eq!((statistics.replies, statistics.failures), (4, 11));
        assert_eq!((statistics.sessions_opened, statistics.sessions_resumed), (1, 0));
        assert_eq!(statistics.fences, 0, "a verdict needs no further questions");
    }

    /// The bytes are the same, so nobody can tell. The documentation says so.
    fn arguments_of_one_type_that_trade_places_are_not_found(place: &Place) {
        let service = Arc::new(Service::default());
        let server = place.serve(serve_new(&service));
        let library: old::LibraryClient = server.stub();
        let result = library.with_deadline(Duration::from_secs(10)).values_trade_places(2, 5);
        assert_eq!(result.unwrap(), 3, "5 - 2, where an old server computes 2 - 5");
    }

    fn a_one_way_call_that_does_not_match_is_dropped_and_counted(place: &Place) {
        let service = Arc::new(Service::default());
        let server = place.serve(serve_new(&service));
        let client = server.client();
        client.stub::<old::LibraryClient>().noted(1).unwrap();
        client.stub::<new::LibraryClient>().noted(10).unwrap();
        eventually("the call that matches runs", || {
            (service.noted.load(Ordering::SeqCst) == 10).then_some(())
        });
        let statistics = server.handle.statistics();
        assert_eq!((statistics.oneway_calls, statistics.oneway_dropped), (1, 1));
        assert_eq!((statistics.sessions, statistics.sessions_opened), (1, 1));
    }

    fn both_versions_can_be_served_under_two_names(place: &Place) {
        let service = Arc::new(Service::default());
        let server = place.serve(|server| {
            serve_new(&service)(server)
                .serve(old::CellarServer::shared(Arc::clone(&service)))
                .serve(SecondServer::shared(Arc::clone(&service)))
        });
        let client = server.client();
        assert_eq!(client.stub::<new::LibraryClient>().same(1).unwrap(), 2);
        assert_eq!(client.stub::<SecondClient>().same(1).unwrap(), 3);
        assert_eq!(client.stub::<old::CellarClient>().open().unwrap(), 1);
    }
}

/// The next version, where so much has changed that it is an interface of its own.
#[rpc_interface(name = "library.2")]
trait Second {
    fn same(&self, number: u64) -> u64;
}

impl Second for Service {
    fn same(&self, number: u64) -> u64 {
        number + 2
    }
}

/// What these tests see at run time, a test of a user's would see before.
#[test]
fn the_test_helper_names_the_same_changes() {
    use farcall::Incompatibility as Found;
    let (old, new) =
        (farcall::describe::<old::LibraryClient>(), farcall::describe::<new::LibraryClient>());
    let names = |changes: Vec<Found>| -> Vec<String> {
        let name = |change| match change {
            Found::SignatureChanged { method, .. } => method,
            Found::MethodRemoved { method, .. } => format!("-{method}"),
            other => panic!("{other}"),
        };
        changes.into_iter().map(name).collect()
    };
    let changed = [
        "argument_type",
        "argument_added",
        "argument_removed",
        "types_trade_places",
        "reply",
        "reply_added",
        "field_added",
        "variant_added",
        "noted",
    ];
    let (gone, later) = (["-lost_name", "-old_only"], ["-new_only", "-found_name"]);
    assert_eq!(names(new.incompatibilities(&old)), [&gone[..], &changed].concat());
    assert_eq!(names(old.incompatibilities(&new)), [&later[..], &changed].concat());
}
