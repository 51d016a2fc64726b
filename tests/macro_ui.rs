//! Programs that must compile, and programs that must not, with what the compiler says about them.
//!
//! - `ui/pass` compiles and runs.
//! - `ui/fail` holds one mistake in each file, which is named after it; every message is the macros'.
//! - `ui/bounds` fails in rustc's own words. What matters there is the place, and that there is one
//!   message. The words change with rustc, so they are compared under the version that wrote them only.
//!
//! `TRYBUILD=overwrite cargo test --test macro_ui` writes the expected messages anew.

/// Apart from those below, which are then checked in one run of the compiler instead of one each.
#[test]
fn programs_that_must_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
}

#[test]
fn programs_that_must_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
    if compiler().starts_with("rustc 1.95.") {
        cases.compile_fail("tests/ui/bounds/*.rs");
    }
}

/// The version of the compiler that runs the programs.
fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(rustc).arg("--version").output().expect("rustc runs");
    String::from_utf8(output.stdout).expect("rustc prints text")
}
