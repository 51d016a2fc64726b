//! An interface of every form, under the strictest settings that a user may have.
//!
//! Clippy sees this file as it sees a user's. What it says about the programs in `ui` nobody reads.

#![deny(
    warnings,
    future_incompatible,
    let_underscore,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused,
    unused_lifetimes,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::absolute_paths,
    clippy::allow_attributes_without_reason,
    clippy::as_conversions,
    clippy::clone_on_ref_ptr,
    clippy::default_numeric_fallback,
    clippy::else_if_without_else,
    clippy::expect_used,
    clippy::field_scoped_visibility_modifiers,
    clippy::if_then_some_else_none,
    clippy::indexing_slicing,
    clippy::let_underscore_must_use,
    clippy::min_ident_chars,
    clippy::missing_docs_in_private_items,
    clippy::mod_module_files,
    clippy::multiple_inherent_impl,
    clippy::panic,
    clippy::pattern_type_mismatch,
    clippy::redundant_type_annotations,
    clippy::rest_pat_in_fully_bound_structs,
    clippy::same_name_method,
    clippy::shadow_unrelated,
    clippy::str_to_string,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::use_self,
    clippy::wildcard_enum_match_arm
)]
#![forbid(unsafe_code)]

use core::error::Error;

use farcall::{CallError, Context, Loopback, Marshal, Reply, Server, rpc_interface};

/// A value.
#[derive(Clone, Debug, Marshal)]
pub struct Value<'text, Part> {
    /// Its text.
    pub text: &'text str,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// A choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Marshal)]
pub enum Choice {
    /// This.
    This,
    /// That, with a number.
    That(u32),
}

/// Every form of method.
#[rpc_interface(name = "strict.forms")]
pub trait Forms {
    /// Plain.
    #[rpc(idempotent, deadline = "5s", id = 7)]
    fn plain(&self, value: Value<'_, u8>, list: &[Choice]) -> Option<Choice>;

    /// Without a reply.
    #[rpc(oneway)]
    fn oneway(&self, text: &str);

    /// With the context.
    #[rpc(single_datagram)]
    fn context(&self, #[ctx] context: &Context, number: u64) -> bool;

    /// A future.
    async fn future(&self, text: &str) -> Result<String, String>;

    /// Later.
    fn later(&self, number: u64, #[reply] reply: Reply<u64>);

    /// Old.
    #[deprecated = "use `plain`"]
    fn old(&self);
}

/// For a client that is a store itself.
#[rpc_interface(client_impl)]
pub trait Store {
    /// Plain.
    ///
    /// # Errors
    ///
    /// There is no such key.
    fn plain(&self, key: &str) -> Result<u32, Failed>;

    /// A future.
    async fn future(&self, key: &str) -> Result<u32, Failed>;
}

/// It failed.
#[derive(Clone, Debug, PartialEq, Eq, Marshal)]
pub struct Failed(String);

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self(error.to_string())
    }
}

/// Implements both.
#[derive(Clone, Copy, Debug)]
pub struct Local;

impl Forms for Local {
    fn plain(&self, value: Value<'_, u8>, list: &[Choice]) -> Option<Choice> {
        list.get(value.parts.len()).copied()
    }

    fn oneway(&self, _text: &str) {}

    fn context(&self, context: &Context, number: u64) -> bool {
        context.is_cancelled() || number == 0
    }

    async fn future(&self, text: &str) -> Result<String, String> {
        Ok(text.to_uppercase())
    }

    fn later(&self, number: u64, reply: Reply<u64>) {
        reply.send(number);
    }

    fn old(&self) {}
}

impl Store for Local {
    fn plain(&self, key: &str) -> Result<u32, Failed> {
        key.parse().map_err(|_error| Failed(key.to_owned()))
    }

    async fn future(&self, key: &str) -> Result<u32, Failed> {
        Store::plain(self, key)
    }
}

/// It is not only clean.
#[test]
fn it_works() -> Result<(), Box<dyn Error>> {
    let network = Loopback::new();
    let server = Server::on(&network, "strict")?
        .serve(FormsServer::new(Local))
        .serve(StoreServer::new(Local))
        .spawn()?;
    let forms = FormsClient::on(&network, "strict")?;
    let value = Value { text: "a", parts: vec![1] };
    let choices = [Choice::This, Choice::That(3)];
    assert_eq!(forms.plain(value, &choices)?, Some(Choice::That(3)));
    forms.oneway("b")?;
    assert!(forms.context(0)?);
    assert_eq!(forms.future("c")?, Ok("C".to_owned()));
    assert_eq!(forms.start().later(4).wait()?, 4);
    let store = StoreClient::on(&network, "strict")?;
    assert_eq!(Store::plain(&store, "5"), Ok(5));
    drop(server);
    Ok(())
}
