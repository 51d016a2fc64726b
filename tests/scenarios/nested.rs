//! Calls that handlers make to other servers, to the millisecond.

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use farcall::sim::{self, World};
use farcall::{
    CallError, CallErrorKind, Client, Context, Outcome, Server, ServerHandle, Stub, rpc_interface,
};

use crate::support::{MS, SECOND, lossy, server_config};

#[rpc_interface]
trait Middle {
    /// Works for so many milliseconds, then asks the last server to work for so many.
    fn ask(&self, #[ctx] cx: &Context, before: u64, there: u64) -> u64;
}

#[rpc_interface]
trait Last {
    /// Works, and returns how many milliseconds were left at the beginning.
    fn work(&self, #[ctx] cx: &Context, milliseconds: u64) -> u64;
}

struct Asker {
    last: LastClient,
    seen: Mutex<Sender<Result<u64, CallError>>>,
}

impl Middle for Asker {
    fn ask(&self, _cx: &Context, before: u64, there: u64) -> u64 {
        sim::sleep(Duration::from_millis(before));
        let result = self.last.work(there);
        let left = *result.as_ref().unwrap_or(&0);
        self.seen.lock().unwrap().send(result).expect("the test looks at it");
        left
    }
}

struct Worker;

impl Last for Worker {
    fn work(&self, cx: &Context, milliseconds: u64) -> u64 {
        let left = cx.remaining().map_or(u64::MAX, |left| left.as_millis() as u64);
        sim::sleep(Duration::from_millis(milliseconds));
        left
    }
}

struct Scene {
    world: World,
    first: MiddleClient,
    last: ServerHandle,
    seen: Receiver<Result<u64, CallError>>,
    _middle: ServerHandle,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let server =
            |name: &str| Server::builder().config(server_config()).on(&world, name).unwrap();
        let last = server("last").serve(LastServer::new(Worker)).spawn().unwrap();
        // The client of the middle server has its deadlines from the calls that it answers alone.
        let client = Client::builder().no_deadline().on(&world.host("middle"), "last").unwrap();
        client.ready(10 * SECOND).unwrap();
        let (see, seen) = mpsc::channel();
        let asker = Asker { last: client.stub(), seen: Mutex::new(see) };
        let middle = server("middle").serve(MiddleServer::new(asker)).spawn().unwrap();
        let client = Client::on(&world.host("alice"), "middle").unwrap();
        client.ready(10 * SECOND).unwrap();
        Self { world, first: client.stub(), last, seen, _middle: middle }
    }
}

fn is_inherited(error: &CallError) -> bool {
    matches!(error.kind(), CallErrorKind::DeadlineExceeded { inherited: true, .. })
}

#[test]
fn the_time_that_is_spent_on_the_way_is_gone() {
    let scene = Scene::new(1);
    let left = scene.first.with_deadline(SECOND).ask(300, 100).unwrap();
    // 300 ms of work, and 1 ms on each of two ways; milliseconds are rounded up.
    assert!((696..=700).contains(&left), "{left}");
    // Without a deadline there is none.
    let client = Client::builder().no_deadline().on(&scene.world.host("bob"), "middle").unwrap();
    assert_eq!(client.stub::<MiddleClient>().ask(300, 100).unwrap(), u64::MAX);
}

#[test]
fn both_calls_end_at_the_same_moment() {
    let scene = Scene::new(2);
    scene.world.host("last").set_service_time(10 * SECOND);
    let start = scene.world.now();
    let error = scene.first.with_deadline(SECOND).ask(300, 0).unwrap_err();
    assert!(!is_inherited(&error), "the first caller's deadline is its own: {error}");
    let took = scene.world.now() - start;
    assert!(took.abs_diff(SECOND) < MS, "{took:?}");
    scene.world.run_for(20 * MS);
    let error = scene.seen.try_recv().expect("the inner call has ended as well").unwrap_err();
    assert!(is_inherited(&error), "{error}");
    assert_eq!(error.outcome(), Outcome::Executed, "the last server had said that it works on it");
}

#[test]
fn a_call_that_comes_too_late_is_not_made() {
    let scene = Scene::new(3);
    scene.first.with_deadline(SECOND).ask(2_000, 1).unwrap_err();
    scene.world.run_for(2 * SECOND);
    let error = scene.seen.try_recv().expect("the handler goes on").unwrap_err();
    assert!(is_inherited(&error), "{error}");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert_eq!(scene.last.statistics().calls, 0);
}

#[test]
fn nothing_is_left_running_when_every_third_datagram_is_lost() {
    let scene = Scene::new(4);
    scene.world.set_all_links(lossy(0.33));
    for _ in 0..50 {
        let result = scene.first.with_deadline(200 * MS).ask(20, 100);
        let start = scene.world.now();
        let inner = loop {
            match scene.seen.try_recv() {
                Ok(inner) => break Some(inner),
                Err(_) if scene.world.now() - start > SECOND => break None,
                Err(_) => scene.world.run_for(10 * MS),
            }
        };
        match (result, inner) {
            (Ok(_), Some(inner)) => assert!(inner.is_ok(), "{inner:?}"),
            // The reply of the inner call came, and that of the outer one did not.
            (Err(_), Some(Ok(_)) | None) => {}
            (Err(_), Some(Err(error))) => assert!(is_inherited(&error), "{error}"),
            (Ok(_), None) => panic!("there is no answer without an inner call"),
        }
    }
}
