//! Generated code passes the strictest settings a user may have.

#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    missing_copy_implementations,
    elided_lifetimes_in_paths,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    unit_bindings,
    let_underscore_drop,
    variant_size_differences,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::absolute_paths
)]
#![forbid(unsafe_code)]

use farcall::{Context, Marshal, rpc_interface};

/// A value.
#[derive(Clone, Debug, Marshal)]
pub struct Value<'a, T> {
    /// Its text.
    pub text: &'a str,
    /// Its parts.
    pub parts: Vec<T>,
}

/// A choice.
#[derive(Clone, Copy, Debug, Marshal)]
pub enum Choice {
    /// This.
    This,
    /// That.
    That(u32),
}

/// An interface.
#[rpc_interface]
pub trait Strict {
    /// Adds.
    fn add(&self, a: i32, b: i32) -> i32;
    /// Takes a value that it could borrow.
    fn owned(&self, text: String) -> String;
    /// Takes nothing and returns nothing.
    fn nothing(&self);
    /// Takes a unit.
    fn unit(&self, unit: ()) -> ();
    /// Takes a context.
    fn choice(&self, #[ctx] cx: &Context) -> Choice;
    /// Has an argument with an underscore.
    fn underscored(&self, _value: &Value<'_, u8>);
    /// Logs.
    #[rpc(oneway)]
    fn log(&self, line: &str);
    /// Fails.
    ///
    /// # Errors
    ///
    /// Always.
    #[rpc(idempotent, deadline = "1s")]
    fn fail(&self) -> Result<u32, String>;
}

fn main() {}
