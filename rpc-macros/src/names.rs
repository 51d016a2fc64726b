//! Names and numbers derived from the user's names.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::ext::IdentExt;

/// The name as the other end knows it: `r#type` is `type`.
pub(crate) fn wire_name(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The number of a method unless the user pins one: FNV-1a, 32 bits, of its wire name.
///
/// The runtime has the very same function. It is repeated here because two methods with one number
/// have to be reported while the trait is compiled.
pub(crate) fn method_id(wire_name: &str) -> u32 {
    wire_name
        .bytes()
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The client stub of a trait.
pub(crate) fn client(interface: &Ident) -> Ident {
    format_ident!("{}Client", interface.unraw())
}

/// The stub whose calls do not wait.
pub(crate) fn start(interface: &Ident) -> Ident {
    format_ident!("{}Start", interface.unraw())
}

/// The server stub of a trait.
pub(crate) fn server(interface: &Ident) -> Ident {
    format_ident!("{}Server", interface.unraw())
}

/// The static that describes the interface to the runtime.
///
/// Statics obey no hygiene, so a prefix keeps them apart from what the user's types may mention.
pub(crate) fn interface_static() -> Ident {
    Ident::new("__farcall_interface", Span::mixed_site())
}

/// The static that describes a method to the runtime.
///
/// It keeps the case of the method: `add` and `ADD` are two methods.
pub(crate) fn method_static(method: &Ident) -> Ident {
    format_ident!("__farcall_method_{}", method.unraw(), span = Span::mixed_site())
}

/// The function that writes a method's arguments.
pub(crate) fn encoder(method: &Ident) -> Ident {
    format_ident!("__farcall_encode_{}", method.unraw(), span = Span::mixed_site())
}

/// The function that serves one call of a method.
pub(crate) fn server_of(method: &Ident) -> Ident {
    format_ident!("__farcall_serve_{}", method.unraw(), span = Span::mixed_site())
}

/// A local of generated code.
///
/// The span separates it from an argument of the same name. It does not separate it from a `const`
/// of the same name, hence the prefix as well.
pub(crate) fn local(name: &str) -> Ident {
    format_ident!("__farcall_{name}", span = Span::mixed_site())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::{client, local, method_id, method_static, wire_name};

    #[test]
    fn method_ids_are_the_published_fnv_1a_values() {
        // From the test suite of the algorithm's authors (FNV-1a, 32 bits).
        assert_eq!(method_id(""), 0x811c_9dc5);
        assert_eq!(method_id("a"), 0xe40c_292c);
        assert_eq!(method_id("foobar"), 0xbf9c_f968);
    }

    #[test]
    fn raw_identifiers_lose_their_mark_in_every_derived_name() {
        let ident = parse_quote!(r#type);
        assert_eq!(wire_name(&ident), "type");
        assert_eq!(method_static(&ident), "__farcall_method_type");
        assert_eq!(client(&ident), "typeClient");
        assert_eq!(local("out"), "__farcall_out");
    }
}
