//! Ledgers with one thing wrong in each.

use tempfile::TempDir;

use super::history::history;
use super::*;
use crate::record::Ledger;

const QUICK: u8 = Method::Quick as u8;
const SECOND: u64 = 1_000_000_000;

/// One client's ledger and one server's.
struct Scene {
    _directory: TempDir,
    ledgers: Ledgers,
}

impl Scene {
    /// Records as (event, call, value, time in seconds).
    fn new(told: &[(Event, u64, u64, u64)], ran: &[(u64, u64, u64)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [client, server] = ["client", "server"].map(|name| directory.path().join(name));
        let ledger = Ledger::open(&client).unwrap();
        for &(event, id, value, time) in told {
            ledger.write(&Record { event, detail: QUICK, id, value, time: time * SECOND });
        }
        let ledger = Ledger::open(&server).unwrap();
        for &(id, value, time) in ran {
            let event = Event::Ran;
            ledger.write(&Record { event, detail: QUICK, id, value, time: time * SECOND });
        }
        let ledgers = Ledgers { clients: vec![client], servers: vec![server], kills: Vec::new() };
        Self { _directory: directory, ledgers }
    }

    fn kill(mut self, halted: u64, killed: u64) -> Self {
        self.ledgers.kills.push(Killed { halted: halted * SECOND, killed: killed * SECOND });
        self
    }

    fn violations(&self) -> Vec<String> {
        let findings = compare(&self.ledgers).unwrap();
        findings.violations.into_iter().map(|violation| violation.what).collect()
    }
}

/// A call that begins at second 10 and ends at second 12.
fn call(told: Event, ran: &[(u64, u64, u64)]) -> Scene {
    Scene::new(&[(Event::Begun, 7, 0, 10), (told, 7, 5, 12)], ran)
}

#[test]
fn what_is_promised_is_no_violation() {
    let ran: &[_] = &[(7, 5, 11)];
    for (told, ran) in [
        (Event::Replied, ran),
        (Event::NotExecuted, &[]),
        (Event::Executed, ran),
        (Event::Unknown, &[]),
        (Event::Unknown, ran),
        (Event::Untold, &[]),
        (Event::Untold, ran),
    ] {
        assert_eq!(call(told, ran).violations(), [""; 0], "{told:?}");
    }
    // Its client was killed.
    for ran in [&[], ran] {
        assert_eq!(Scene::new(&[(Event::Begun, 7, 0, 10)], ran).violations(), [""; 0]);
    }
}

#[test]
fn every_broken_promise_is_found() {
    for (told, ran, expected) in [
        (Event::Replied, &[][..], "there is a reply, and it never ran"),
        (Event::Replied, &[(7, 6, 11)], "no run of it gave this reply"),
        (Event::NotExecuted, &[(7, 5, 11)], "NotExecuted was told, and it ran"),
        // Later than the client was told.
        (Event::NotExecuted, &[(7, 5, 99)], "NotExecuted was told, and it ran"),
        (Event::Executed, &[], "Executed was told, and it never ran"),
        (Event::Replied, &[(7, 5, 11), (7, 5, 12)], "it ran 2 times"),
        (Event::Executed, &[(7, 5, 11), (7, 5, 12)], "it ran 2 times"),
        (Event::Unknown, &[(7, 5, 11), (7, 5, 12)], "it ran 2 times"),
        (Event::Untold, &[(7, 5, 11), (7, 5, 12)], "it ran 2 times"),
        (Event::Unknown, &[(7, 5, 9)], "it ran before it was begun"),
        (Event::Unknown, &[(8, 5, 11)], "it ran and was never begun"),
        (Event::WrongReply, &[(7, 5, 11)], "the reply is not the one to these arguments"),
    ] {
        assert_eq!(call(told, ran).violations(), [expected], "{told:?} {ran:?}");
    }
    let twice = Scene::new(&[(Event::Begun, 7, 0, 10)], &[(7, 5, 11), (7, 5, 12)]);
    assert_eq!(twice.violations(), ["it ran 2 times"]);
}

#[test]
fn what_is_settled_later_counts() {
    let begun = (Event::Begun, 7, 0, 10);
    let unknown = (Event::Unknown, 7, 0, 12);
    let settled = |event| [begun, unknown, (event, 7, 5, 13)];
    let ran = [(7, 5, 11)];
    assert_eq!(Scene::new(&settled(Event::Replied), &ran).violations(), [""; 0]);
    assert_eq!(
        Scene::new(&settled(Event::NotExecuted), &ran).violations(),
        ["NotExecuted was told, and it ran"]
    );
    assert_eq!(
        Scene::new(&settled(Event::Executed), &[]).violations(),
        ["Executed was told, and it never ran"]
    );
    let changed = [begun, (Event::NotExecuted, 7, 0, 12), (Event::Unknown, 7, 0, 13)];
    assert_eq!(Scene::new(&changed, &[]).violations(), ["NotExecuted was told, and then Unknown"]);
}

#[test]
fn a_kill_excuses_what_it_may_have_cut_short() {
    let entered = || call(Event::Executed, &[]);
    let broken = ["Executed was told, and it never ran"];
    assert_eq!(entered().kill(11, 11).violations(), [""; 0]);
    assert_eq!(entered().kill(9, 11).violations(), [""; 0], "it was stopped when it was killed");
    assert_eq!(entered().kill(14, 20).violations(), [""; 0], "its worker was slow");
    assert_eq!(entered().kill(9, 9).violations(), broken, "killed before the call began");
    assert_eq!(entered().kill(15, 15).violations(), broken, "killed long after it ended");

    let calls = WORKERS as u64 + 1;
    let told: Vec<_> = (0..calls)
        .flat_map(|id| [(Event::Begun, id, 0, 10), (Event::Executed, id, 0, 12)])
        .collect();
    let violations = Scene::new(&told, &[]).kill(11, 11).violations();
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(violations[0].starts_with("Executed was told of 9 calls"), "{violations:?}");
}

#[test]
fn an_idempotent_call_may_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let [client, server] = ["client", "server"].map(|name| directory.path().join(name));
    let write = |path: &Path, event, value| {
        let detail = Method::Repeatable as u8;
        Ledger::open(path).unwrap().write(&Record { event, detail, id: 1, value, time: 1 });
    };
    write(&client, Event::Begun, 0);
    write(&client, Event::Replied, 6);
    write(&server, Event::Ran, 5);
    let ledgers =
        Ledgers { clients: vec![client], servers: vec![server.clone()], ..Ledgers::default() };
    let violations = || compare(&ledgers).unwrap().violations;
    assert_eq!(violations()[0].what, "no run of it gave this reply");
    write(&server, Event::Ran, 6);
    assert_eq!(violations(), []);
}

#[test]
fn a_history_tells_what_was_written_about_a_call() {
    let scene = call(Event::Unknown, &[(7, 5, 11)]).kill(11, 11);
    let text = history(&[7], &scene.ledgers);
    for part in ["Begun", "Ran", "Unknown", "killed at 1.0"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
