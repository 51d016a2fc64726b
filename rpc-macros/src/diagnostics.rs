//! The collector of mistakes: all of one input are reported together, and none can be forgotten.
//!
//! A stage reports and goes on with whatever it can still make of the input. The entry point turns
//! the collection into `compile_error!` invocations; a collector that is dropped without that is a
//! bug of ours, which a debug build turns into a panic.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::Error;

/// The mistakes found in one macro input so far.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    errors: Vec<Error>,
    consumed: bool,
}

impl Diagnostics {
    /// Records a mistake at the whole range of `tokens`.
    pub(crate) fn report(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.absorb(Error::new_spanned(tokens, message));
    }

    /// Records a mistake that syn has found.
    pub(crate) fn absorb(&mut self, error: Error) {
        self.errors.push(error);
    }

    /// How many mistakes there are; two marks tell whether a stage in between has found any.
    pub(crate) fn mark(&self) -> usize {
        self.errors.len()
    }

    /// Ends the collection: one `compile_error!` for each mistake, nothing if there is none.
    pub(crate) fn into_compile_errors(mut self) -> TokenStream {
        self.consumed = true;
        self.errors.iter().map(Error::to_compile_error).collect()
    }

    /// Ends the collection: the messages in the order of their discovery.
    #[cfg(test)]
    pub(crate) fn into_messages(mut self) -> Vec<String> {
        self.consumed = true;
        self.errors.iter().map(ToString::to_string).collect()
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        // A second panic while unwinding would abort and hide the first.
        if !std::thread::panicking() {
            debug_assert!(self.consumed, "the collected mistakes were never reported");
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::Diagnostics;

    #[test]
    fn every_mistake_becomes_one_compile_error() {
        let mut diagnostics = Diagnostics::default();
        diagnostics.report(quote!(a), "first");
        diagnostics.report(quote!(b), "second");
        assert_eq!(diagnostics.mark(), 2);
        let errors = diagnostics.into_compile_errors().to_string();
        assert_eq!(errors.matches("compile_error").count(), 2);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "never reported")]
    fn a_forgotten_collector_is_noticed() {
        drop(Diagnostics::default());
    }
}
