//! Reads our own sources: who may use whom, and how long a function may be.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the core in the order of their dependencies: each may use those before it, and
/// those that stand on the same line as siblings may not use each other.
const LAYERS: &[&[&str]] = &[
    &["arena", "time", "entropy", "sync", "marshal"],
    &["config", "statistics"],
    &["error"],
    &["wire", "call", "context", "transfer"],
    &["endpoint"],
    &["service"],
    &["host"],
    &["driver", "sim"],
    &["face"],
    &["fuzzing"],
];

/// Uses against the order, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// The longest function, in lines.
const LONGEST_FUNCTION: usize = 70;

/// Functions that are longer. This list may only shrink.
const LONG_FUNCTIONS: &[&str] = &[];

#[test]
fn modules_use_only_what_comes_before_them() {
    let mut violations = Vec::new();
    for file in sources("rpc-core/src") {
        let Some(module) = module_of(&file) else { continue };
        for (number, line) in read(&file).lines().enumerate() {
            for used in uses(line) {
                if !may_use(&module, &used) && !EXCEPTIONS.contains(&(&module, &used)) {
                    violations.push(format!(
                        "{}:{}: `{module}` uses `{used}`",
                        file.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn every_module_has_its_place() {
    for file in sources("rpc-core/src") {
        if let Some(module) = module_of(&file) {
            assert!(layer(&module).is_some(), "`{module}` is in no layer");
        }
    }
}

#[test]
fn functions_are_short() {
    let mut violations = Vec::new();
    for folder in ["rpc-core/src", "rpc-macros/src", "src"] {
        for file in sources(folder) {
            for (name, lines) in functions(&read(&file)) {
                let path = file.strip_prefix(root()).expect("it is ours").display();
                let name = format!("{path}: {name}");
                if lines > LONGEST_FUNCTION && !LONG_FUNCTIONS.contains(&name.as_str()) {
                    violations.push(format!("{name} has {lines} lines"));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_rules_find_what_they_are_for() {
    assert_eq!(uses("use crate::endpoint::Machine;"), ["endpoint"]);
    assert_eq!(uses("    crate::driver::now();"), ["driver"]);
    assert_eq!(uses("// crate::driver"), Vec::<String>::new());
    assert!(may_use("driver", "endpoint") && !may_use("endpoint", "driver"));
    assert!(!may_use("wire", "call"));
    let source =
        "    fn line() {}\n    fn short() {\n    }\n    fn long() {\n        a\n        b\n    }\n";
    assert_eq!(functions(source), [("short".to_owned(), 2), ("long".to_owned(), 4)]);
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn may_use(module: &str, used: &str) -> bool {
    match (layer(module), layer(used)) {
        (Some(module_layer), Some(used_layer)) => module == used || used_layer < module_layer,
        // What the root re-exports belongs to nobody.
        _ => true,
    }
}

/// The modules that a line names by their absolute paths, documentation aside.
fn uses(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("crate::")
        .map(|(at, path)| {
            let rest = &code[at + path.len()..];
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        })
        .collect()
}

/// The functions of a source file that begin and end on lines of their own, with their lengths.
fn functions(source: &str) -> Vec<(String, usize)> {
    let lines: Vec<_> = source.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let mut words = line.trim_start().split([' ', '(', '<']);
        let Some(name) = words.find(|word| *word == "fn").and_then(|_| words.next()) else {
            continue;
        };
        let is_declaration = ["fn ", "pub", "const fn", "async fn", "unsafe fn"]
            .iter()
            .any(|beginning| line.trim_start().starts_with(beginning));
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[start..].iter().position(|line| *line == closing);
        if line.trim_end().ends_with('}') {
            continue;
        }
        let bodiless = lines[start..].iter().position(|line| line.ends_with(';'));
        if let Some(end) =
            end.filter(|end| is_declaration && bodiless.is_none_or(|at| at != 0 || at > *end))
        {
            found.push((name.to_owned(), end + 1));
        }
    }
    found
}

/// The top module that a file of the core belongs to; `None` for the root and for tests.
fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("rpc-core/src")).expect("it is in the core");
    let is_test =
        inside.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
    let top = inside.components().next()?.as_os_str().to_string_lossy().into_owned();
    let module = top.trim_end_matches(".rs").to_owned();
    (!is_test && module != "lib").then_some(module)
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder exists") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("the file can be read")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
