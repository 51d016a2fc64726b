//! Clients and servers of different versions: what does not match costs one round trip, and nobody else
//! anything.

use farcall::{CallErrorKind, Outcome, Stub, rpc_interface};

use crate::support::{Caller, MS, SECOND, Scene, WorkClient, lossy};

/// What clients of another version take the interface of the scenarios for.
#[rpc_interface(name = "Work")]
trait Other {
    /// It has one argument more.
    fn run(&self, call: u64, priority: u32) -> u64;
    fn invented(&self, call: u64) -> u64;
    /// It was not `idempotent`.
    fn look(&self, call: u64) -> u64;
}

#[rpc_interface]
trait Unserved {
    fn run(&self, call: u64) -> u64;
}

fn other(client: &Caller) -> OtherClient {
    client.stub.client().stub()
}

/// All calls that do not match, by one client. None of them runs.
fn call_what_does_not_match(client: &Caller) {
    let other = other(client);
    let unserved: UnservedClient = client.stub.client().stub();
    let kinds = [other.run(1, 2), other.invented(1), unserved.run(1)].map(|result| {
        let error = result.expect_err("it does not match");
        assert_eq!(error.outcome(), Outcome::NotExecuted, "{error}");
        error.kind().clone()
    });
    assert!(
        matches!(
            &kinds,
            [
                CallErrorKind::SignatureMismatch { .. },
                CallErrorKind::UnknownMethod,
                CallErrorKind::UnknownInterface
            ]
        ),
        "{kinds:?}"
    );
}

#[test]
fn what_does_not_match_costs_a_round_trip_and_two_datagrams() {
    let scene = Scene::new(1);
    let client = scene.warm_client();
    let (before, start) = (client.statistics(), scene.world.now());
    call_what_does_not_match(&client);
    let took = scene.world.now() - start;
    let after = client.statistics();
    // The default path takes 1 ms in each direction.
    assert!(took < 3 * 3 * MS, "{took:?}");
    assert_eq!(after.datagrams_sent - before.datagrams_sent, 3);
    assert_eq!(after.received.datagrams - before.received.datagrams, 3);
    assert_eq!((after.retransmissions, after.fences, after.sessions_opened), (0, 0, 1));
    scene.finish();
}

#[test]
fn a_call_that_runs_meanwhile_takes_as_long_as_ever() {
    let took = [false, true].map(|with_others| {
        let scene = Scene::new(2);
        let client = scene.warm_client();
        scene.host().set_service_time(SECOND);
        let start = scene.world.now();
        let started = client.start_run();
        if with_others {
            call_what_does_not_match(&client);
        }
        started.wait().unwrap();
        let took = scene.world.now() - start;
        assert_eq!(scene.executions(), 2);
        scene.finish();
        took
    });
    assert!(took[0].abs_diff(took[1]) < MS, "{took:?}");
}

#[test]
fn what_does_not_match_is_refused_when_every_third_datagram_is_lost_and_comes_back_later() {
    let scene = Scene::new(3);
    let client = scene.warm_client();
    scene.world.set_all_links(lossy(0.33));
    for _ in 0..30 {
        call_what_does_not_match(&client);
        client.run().unwrap();
    }
    assert_eq!(scene.executions(), 31);
    assert_eq!(client.statistics().sessions_opened, 1);
    // Old copies of what was refused come back as well, and are still refused.
    scene.finish();
}

/// A client that does not know that a method has become `idempotent` expects its reply to be kept.
#[test]
fn a_client_from_before_idempotent_loses_a_reply_that_was_lost_once() {
    let scene = Scene::new(4);
    let client = scene.warm_client();
    let call = scene.ledger.begin();
    scene.world.cut("work", "alice");
    scene.world.after(MS * 3 / 2, |world| world.heal());
    let error = other(&client).look(call).unwrap_err();
    assert_eq!((error.outcome(), error.kind()), (Outcome::Executed, &CallErrorKind::ReplyNotKept));
    assert_eq!(scene.ledger.executions(call), 1);
}

/// A client that does not know that a method is no longer `idempotent` repeats it.
#[test]
fn a_client_from_before_idempotent_was_taken_away_runs_a_call_twice() {
    let scene = Scene::new(5);
    let client = scene.warm_client();
    scene.host().set_service_time(SECOND);
    scene.world.after(SECOND / 2, |world| world.host("work").restart());
    let call = scene.ledger.begin_idempotent();
    client.stub.client().stub::<EagerClient>().run(call).unwrap();
    assert_eq!(scene.ledger.executions(call), 2);
}

#[rpc_interface(name = "Work")]
trait Eager {
    #[rpc(idempotent)]
    fn run(&self, call: u64) -> u64;
}

/// The marks of both tests above are what the test helper warns of.
#[test]
fn the_test_helper_warns_of_both() {
    let now = farcall::describe::<WorkClient>();
    let found = |saved: farcall::Description| -> Vec<_> {
        let found = now.incompatibilities(&saved);
        found.iter().map(|change| change.to_string().lines().next().unwrap().to_owned()).collect()
    };
    assert_eq!(found(farcall::describe::<EagerClient>()), ["`run` is no longer `idempotent`"]);
    assert!(
        found(farcall::describe::<OtherClient>())
            .contains(&"`look` is `idempotent` now, and its reply is not kept".to_owned())
    );
}
