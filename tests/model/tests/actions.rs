//! The table in `DESIGN.md` names functions that exist, for every action of the model.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_action_has_functions_that_exist() {
    let rows = rows();
    let mut missing = Vec::new();
    for (action, functions) in &rows {
        let mut file = PathBuf::new();
        assert!(!functions.is_empty(), "{action} has no function");
        for name in functions {
            // A name without a path is in the file of the one before it.
            let name = match name.split_once("::") {
                Some((path, name)) => {
                    file = root().join("rpc-core/src").join(path);
                    name
                }
                None => name,
            };
            let source = fs::read_to_string(&file).unwrap_or_default();
            if !has_function(&source, name) {
                missing.push(format!("{action}: {}::{name}", file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_action_of_the_model_has_its_row() {
    let rows = rows();
    let named: BTreeSet<_> = rows
        .iter()
        .flat_map(|(actions, _)| actions.split([',', '(', ')', ' ']))
        .filter(|word| !word.is_empty())
        .collect();
    let actions = variants("state.rs", "enum Action");
    let messages = variants("message.rs", "enum Message");
    assert!(actions.len() > 15 && messages.len() > 15, "{actions:?} {messages:?}");
    for name in actions.iter().chain(&messages) {
        assert!(named.contains(name.as_str()), "{name} is in no row");
    }
}

#[test]
fn a_function_is_found_by_its_whole_name() {
    assert!(has_function("    pub(super) fn admit<T>(", "admit"));
    assert!(has_function("fn admit(", "admit"));
    assert!(!has_function("fn admitted(", "admit"));
    assert!(!has_function("// see admit(", "admit"));
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn has_function(source: &str, name: &str) -> bool {
    let begin = format!("fn {name}");
    source.match_indices(&begin).any(|(at, _)| source[at + begin.len()..].starts_with(['(', '<']))
}

/// The rows of the table: actions, and the functions that are between backquotes.
fn rows() -> Vec<(String, Vec<String>)> {
    let design = fs::read_to_string(root().join("DESIGN.md")).expect("it is there");
    let (_, table) = design.split_once("| action | function |").expect("it has the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|');
        let action = cells.next().expect("it has two cells").trim().to_owned();
        let functions = cells.next().expect("it has two cells");
        let functions = functions.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (action, functions)
    })
    .collect()
}

/// The variants of an enum of the model that are for the server or happen by themselves.
fn variants(file: &str, head: &str) -> Vec<String> {
    let source =
        fs::read_to_string(root().join("tests/model/src").join(file)).expect("it is there");
    let (_, body) = source.split_once(head).expect("it has the enum");
    let body = body.lines().skip(1).take_while(|line| *line != "}");
    body.map(str::trim)
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| line.split([' ', '(', ',', '{']).next().expect("it has a name").to_owned())
        .collect()
}
