//! The small scopes hold, and what is done wrong is noticed.

use farcall_model::{GATE, Mutation, check, of_mutation};

#[test]
fn the_small_scopes_hold_and_reach_their_goals() {
    for &scope in GATE {
        let report = check(scope, 2);
        println!("{}: {} states, depth {}", scope.name, report.states, report.depth);
        assert!(report.violations.is_empty(), "{}: {:#?}", scope.name, report.violations);
        assert!(report.missed.is_empty(), "{}: never {:?}", scope.name, report.missed);
        assert!(report.states > 100 && report.held > 10 && report.reached > 0);
    }
}

#[test]
fn every_mutation_is_noticed() {
    for &mutation in Mutation::ALL {
        let report = check(of_mutation(mutation), 1);
        let found = report.violations.first();
        let found =
            found.unwrap_or_else(|| panic!("{mutation:?}: not in {} states", report.states));
        println!("{mutation:?}: {} steps, {}", found.run.len(), found.property);
    }
}

#[test]
fn without_its_mutation_each_of_those_scopes_holds() {
    for &mutation in Mutation::ALL {
        let report = check(
            farcall_model::Scope { mutation: None, keeps_all: false, ..of_mutation(mutation) },
            2,
        );
        assert!(report.violations.is_empty(), "{mutation:?}: {:#?}", report.violations);
    }
}
