//! Running a check.

use core::time::Duration;
use std::time::Instant;

use stateright::{Checker as _, Expectation, HasDiscoveries, Model as _};

use crate::model::Protocol;
use crate::scope::Scope;

/// What a check has found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Different states.
    pub states: usize,
    /// Steps, those that lead to a known state included.
    pub steps: usize,
    /// The longest of the shortest ways to a state.
    pub depth: usize,
    /// How long it took.
    pub time: Duration,
    /// Properties that hold in every state.
    pub held: usize,
    /// Goals that were reached.
    pub reached: usize,
    /// Properties that do not hold.
    pub violations: Vec<Discovery>,
    /// Goals that no state reaches.
    pub missed: Vec<&'static str>,
}

/// A property that does not hold, with a shortest run to a state where it does not.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The property.
    pub property: &'static str,
    /// The steps of the run.
    pub run: Vec<String>,
}

/// Explores a scope with that many threads: to its last state, or to the first violation. The run to a
/// violation is a shortest one with one thread.
pub fn check(scope: Scope, threads: usize) -> Report {
    let began = Instant::now();
    let model = Protocol::new(scope);
    let properties = model.properties();
    let checker = model
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let discoveries = checker.discoveries();
    let mut report = Report {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        time: began.elapsed(),
        held: 0,
        reached: 0,
        violations: Vec::new(),
        missed: Vec::new(),
    };
    for property in properties {
        let found = discoveries.get(property.name);
        match (property.expectation, found) {
            (Expectation::Sometimes, Some(_)) => report.reached += 1,
            (Expectation::Sometimes, None) => report.missed.push(property.name),
            (_, None) => report.held += 1,
            (_, Some(path)) => {
                let actions = path.clone().into_actions();
                let run = actions.iter().map(|action| format!("{action:?}")).collect();
                report.violations.push(Discovery { property: property.name, run });
            }
        }
    }
    report
}
