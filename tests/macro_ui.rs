//! Programs that must compile, and programs that must not, with what the compiler says about them.
//!
//! - `ui/pass` compiles and runs.
//! - `ui/fail` holds one mistake in each file, which is named after it; every message is the macros'.
//! - `ui/bounds` fails in rustc's own words, because a type lacks an impl. What matters there is the
//!   place, and that there are few messages; the words change with rustc and with the traits.
//!
//! `TRYBUILD=overwrite cargo test --test macro_ui` writes the expected messages anew.

#[test]
fn macro_ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
    cases.compile_fail("tests/ui/bounds/*.rs");
}
