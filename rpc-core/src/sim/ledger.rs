//! The oracle: compares what callers were told with what really ran.

use core::fmt;
use core::ops::AddAssign;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{CallError, Outcome};

/// Keeps account of calls: how often each was executed, and what its caller was told.
///
/// Every call gets a number from [`begin`](Self::begin) and carries it in its arguments. Its handler
/// passes the number to [`execute`](Self::execute) and returns the receipt it gets. The caller hands
/// the result to [`end`](Self::end). At last [`check`](Self::check) holds both sides against each
/// other; ask it after [`World::replay`](super::World::replay), because `NotExecuted` is a promise
/// about the future too.
///
/// ```
/// use farcall_core::Outcome;
/// use farcall_core::sim::{Ended, Ledger};
///
/// let ledger = Ledger::new();
/// let call = ledger.begin();
/// let receipt = ledger.execute(call); // in the handler
/// ledger.end(call, Ended::Ok(receipt)); // at the caller
/// assert_eq!(ledger.violations(), Vec::<String>::new());
///
/// let lie = ledger.begin();
/// ledger.end(lie, Ended::Failed(Outcome::NotExecuted));
/// ledger.execute(lie); // a copy of the request comes late, and is run
/// assert_eq!(ledger.violations().len(), 1);
/// ```
///
/// Clones share one account.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    calls: BTreeMap<u64, Account>,
    /// What was wrong at the moment it happened.
    violations: Vec<String>,
    /// The first rule that an account broke, at the moment when it did.
    first: Option<String>,
}

/// What a call promises about its executions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CallKind {
    #[default]
    Once,
    Idempotent,
    /// Once or never, and nobody is told.
    Oneway,
}

#[derive(Debug, Default)]
struct Account {
    kind: CallKind,
    executions: u64,
    ended: Option<Ended>,
}

/// What a caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The call returned this receipt.
    Ok(u64),
    /// The call failed with this outcome.
    Failed(Outcome),
}

/// How many calls ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that were begun.
    pub begun: u64,
    /// Handlers that were entered.
    pub executions: u64,
    /// Calls that returned a result.
    pub ok: u64,
    /// Calls that were reported as never executed.
    pub not_executed: u64,
    /// Calls that were reported as executed without a result.
    pub executed: u64,
    /// Calls that were reported as executed once or not at all.
    pub unknown: u64,
    /// Calls whose callers were told nothing.
    pub open: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.begun += other.begun;
        self.executions += other.executions;
        self.ok += other.ok;
        self.not_executed += other.not_executed;
        self.executed += other.executed;
        self.unknown += other.unknown;
        self.open += other.open;
    }
}

impl Ledger {
    /// An empty account.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of a new call.
    pub fn begin(&self) -> u64 {
        self.open(CallKind::Once)
    }

    /// The number of a new call that may run more than once.
    pub fn begin_idempotent(&self) -> u64 {
        self.open(CallKind::Idempotent)
    }

    /// The number of a new one-way call, whose caller is told nothing if all goes well.
    pub fn begin_oneway(&self) -> u64 {
        self.open(CallKind::Oneway)
    }

    fn open(&self, kind: CallKind) -> u64 {
        let mut book = self.0.lock();
        let call = book.calls.len() as u64 + 1;
        book.calls.insert(call, Account { kind, ..Account::default() });
        call
    }

    /// Enters one execution of the call; gives a receipt that no other execution has.
    pub fn execute(&self, call: u64) -> u64 {
        let book = &mut *self.0.lock();
        let Some(account) = book.calls.get_mut(&call) else {
            book.violations.push(format!("S2: call {call} was executed and never begun"));
            return 0;
        };
        account.executions += 1;
        let receipt = receipt(call, account.executions);
        book.note(call);
        receipt
    }

    /// Enters what the caller was told, which can happen once.
    pub fn end(&self, call: u64, ended: Ended) {
        let book = &mut *self.0.lock();
        let Some(account) = book.calls.get_mut(&call) else {
            book.violations.push(format!("S5: call {call} ended and was never begun"));
            return;
        };
        if let Some(before) = account.ended {
            let text = format!("S5: call {call} ended twice: {before:?}, then {ended:?}");
            book.violations.push(text);
            return;
        }
        account.ended = Some(ended);
        book.note(call);
    }

    /// Enters the result of a call whose handler returns the receipt.
    pub fn record(&self, call: u64, result: &Result<u64, CallError>) {
        self.end(
            call,
            match result {
                Ok(receipt) => Ended::Ok(*receipt),
                Err(error) => Ended::Failed(error.outcome()),
            },
        );
    }

    /// Enters what became known later of a call with an unknown outcome.
    pub fn settle(&self, call: u64, ended: Ended) {
        let book = &mut *self.0.lock();
        let account = book.calls.entry(call).or_default();
        if account.ended != Some(Ended::Failed(Outcome::Unknown)) {
            let text = format!("S5: call {call} was settled after {:?}", account.ended);
            book.violations.push(text);
        }
        account.ended = Some(ended);
        book.note(call);
    }

    /// How often the call was executed so far.
    pub fn executions(&self, call: u64) -> u64 {
        self.0.lock().calls.get(&call).map_or(0, |account| account.executions)
    }

    /// How many calls ended how.
    pub fn tally(&self) -> Tally {
        let book = self.0.lock();
        let mut tally = Tally { begun: book.calls.len() as u64, ..Tally::default() };
        for account in book.calls.values() {
            tally.executions += account.executions;
            *match account.ended {
                Some(Ended::Ok(_)) => &mut tally.ok,
                Some(Ended::Failed(Outcome::NotExecuted)) => &mut tally.not_executed,
                Some(Ended::Failed(Outcome::Executed)) => &mut tally.executed,
                Some(Ended::Failed(Outcome::Unknown)) => &mut tally.unknown,
                None => &mut tally.open,
            } += 1;
        }
        tally
    }

    /// Everything that contradicts a promise, one sentence each.
    pub fn violations(&self) -> Vec<String> {
        let book = self.0.lock();
        let broken = book.calls.iter().filter_map(|(call, account)| account.sentence(*call));
        book.violations.iter().cloned().chain(broken).collect()
    }

    /// What was found first, as soon as it can be known.
    pub(super) fn first_violation(&self) -> Option<String> {
        let book = self.0.lock();
        book.violations.first().or(book.first.as_ref()).cloned()
    }

    /// Holds against the account that every call has ended, those excepted of which nobody is told.
    ///
    /// # Panics
    /// If some have not (S5).
    pub fn check_ended(&self) {
        let book = self.0.lock();
        let is_open =
            |account: &Account| account.ended.is_none() && account.kind != CallKind::Oneway;
        let open: Vec<_> =
            book.calls.iter().filter(|(_, it)| is_open(it)).map(|(call, _)| call).collect();
        assert!(open.is_empty(), "S5: nobody was told what became of the calls {open:?}");
    }

    /// Holds what callers were told against what ran.
    ///
    /// # Panics
    /// If a promise is broken; the message names every call concerned.
    pub fn check(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "promises are broken:\n  {}", violations.join("\n  "));
    }
}

impl Book {
    /// Looks at a call at once.
    fn note(&mut self, call: u64) {
        if self.first.is_none() {
            self.first = self.calls.get(&call).and_then(|account| account.sentence(call));
        }
    }
}

impl Account {
    /// What is wrong with it, in words.
    fn sentence(&self, call: u64) -> Option<String> {
        self.violation(call).map(|(id, rule)| format!("{id}: call {call} {rule}: {self}"))
    }

    /// The promise that is broken, if one is, with the id of its invariant.
    fn violation(&self, call: u64) -> Option<(&'static str, &'static str)> {
        let runs = self.executions;
        if runs > 1 && self.kind != CallKind::Idempotent {
            return Some(("S1", "ran more than once"));
        }
        match self.ended? {
            Ended::Ok(_) if runs == 0 => Some(("S3", "has a result and never ran")),
            Ended::Ok(receipt) if !self.has_receipt(call, receipt) => {
                Some(("S3", "has another call's result"))
            }
            Ended::Failed(Outcome::NotExecuted) if runs != 0 => {
                Some(("S4", "ran and must never run"))
            }
            Ended::Failed(Outcome::Executed) if runs == 0 => {
                Some(("S4", "never ran and was executed"))
            }
            Ended::Ok(_) | Ended::Failed(_) => None,
        }
    }

    fn has_receipt(&self, call: u64, wanted: u64) -> bool {
        (1..=self.executions).any(|run| receipt(call, run) == wanted)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            CallKind::Once => "",
            CallKind::Idempotent => "idempotent, ",
            CallKind::Oneway => "one-way, ",
        };
        write!(f, "{kind}executed {} times, reported {:?}", self.executions, self.ended)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tally().fmt(f)
    }
}

const RUN_BITS: u32 = 16;
const RUN_MASK: u64 = (1 << RUN_BITS) - 1;

/// Names one execution of one call.
fn receipt(call: u64, run: u64) -> u64 {
    call << RUN_BITS | (run & RUN_MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(is_idempotent: bool, runs: u64, ended: Option<Ended>) -> Vec<String> {
        let ledger = Ledger::new();
        let kind = if is_idempotent { CallKind::Idempotent } else { CallKind::Once };
        let call = ledger.open(kind);
        (0..runs).for_each(|_| _ = ledger.execute(call));
        if let Some(ended) = ended {
            ledger.end(call, ended);
        }
        ledger.violations()
    }

    #[test]
    fn each_outcome_allows_its_own_number_of_executions() {
        let own = Some(Ended::Ok(receipt(1, 1)));
        let failed = |outcome| Some(Ended::Failed(outcome));
        // What was reported; which of zero, one and two executions it allows; the same if idempotent.
        let rules = [
            (own, [false, true, false], [false, true, true]),
            (failed(Outcome::NotExecuted), [true, false, false], [true, false, false]),
            (failed(Outcome::Executed), [false, true, false], [false, true, true]),
            (failed(Outcome::Unknown), [true, true, false], [true, true, true]),
            (None, [true, true, false], [true, true, true]),
        ];
        for (ended, once, idempotent) in rules {
            for runs in 0..3 {
                let allowed = |is_idempotent| violations(is_idempotent, runs, ended).is_empty();
                assert_eq!(allowed(false), once[runs as usize], "{ended:?}, {runs} runs");
                assert_eq!(allowed(true), idempotent[runs as usize], "{ended:?}, {runs} runs");
            }
        }
    }

    #[test]
    fn a_result_must_be_the_calls_own() {
        assert_eq!(violations(false, 1, Some(Ended::Ok(receipt(2, 1)))).len(), 1);
        assert_eq!(violations(false, 1, Some(Ended::Ok(receipt(1, 2)))).len(), 1);
    }

    #[test]
    fn a_call_ends_once_and_only_an_unknown_one_is_settled() {
        let ledger = Ledger::new();
        let call = ledger.begin();
        ledger.end(call, Ended::Failed(Outcome::Unknown));
        ledger.settle(call, Ended::Failed(Outcome::NotExecuted));
        assert_eq!(ledger.violations().len(), 0);
        ledger.settle(call, Ended::Failed(Outcome::NotExecuted));
        ledger.end(call, Ended::Failed(Outcome::NotExecuted));
        assert_eq!(ledger.violations().len(), 2);
    }

    #[test]
    fn nothing_is_executed_that_was_not_begun() {
        let ledger = Ledger::new();
        ledger.execute(7);
        assert_eq!(ledger.violations(), ["S2: call 7 was executed and never begun"]);
    }

    #[test]
    #[should_panic(expected = "call 1 ran more than once")]
    fn a_check_names_the_call() {
        let ledger = Ledger::new();
        let call = ledger.begin();
        ledger.execute(call);
        ledger.execute(call);
        ledger.check();
    }

    #[test]
    fn what_is_wrong_is_known_at_once() {
        let ledger = Ledger::new();
        let call = ledger.begin();
        ledger.end(call, Ended::Failed(Outcome::NotExecuted));
        assert_eq!(ledger.first_violation(), None);
        ledger.execute(call);
        let sentence = ledger.first_violation().expect("it ran and must not");
        assert!(sentence.starts_with("S4: call 1 ran and must never run"), "{sentence}");
    }

    #[test]
    #[should_panic(expected = "S5: nobody was told what became of the calls [2]")]
    fn only_of_oneway_calls_nobody_needs_to_be_told() {
        let ledger = Ledger::new();
        ledger.begin_oneway();
        ledger.begin();
        ledger.check_ended();
    }
}
