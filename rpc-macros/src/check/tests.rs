//! The rules, one by one: what each refuses, and close relatives that it must let through.

use quote::quote;
use syn::{ItemTrait, TraitItemFn, parse_quote};

use crate::attr;
use crate::diagnostics::Diagnostics;
use crate::model::Interface;
use crate::parse;

/// The model after the rules, and the messages.
fn checked(options: proc_macro2::TokenStream, item: &ItemTrait) -> (Interface, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let options = attr::interface_options(options, &mut diagnostics);
    let mut interface = parse::interface(item, options, &mut diagnostics);
    super::interface(&mut interface, &mut diagnostics);
    (interface, diagnostics.into_messages())
}

/// The messages for one method; exactly those methods that have one are unsound.
fn method(function: TraitItemFn) -> Vec<String> {
    let (interface, messages) = checked(quote!(), &parse_quote!(trait T { #function }));
    assert_eq!(interface.methods[0].sound, messages.is_empty());
    messages
}

macro_rules! accepts {
    ($($function:tt)*) => { assert_eq!(method(parse_quote!($($function)*)), [] as [&str; 0]) };
}

macro_rules! refuses {
    ($part:literal: $($function:tt)*) => {
        let messages = method(parse_quote!($($function)*));
        assert!(messages.len() == 1 && messages[0].contains($part), "{messages:?}");
    };
}

#[test]
fn receivers() {
    accepts!(
        fn f(&self);
    );
    accepts!(
        fn f<'x>(&'x self);
    );
    refuses!("must take `&self`": fn f(&mut self););
    refuses!("must take `&self`": fn f(self););
    refuses!("must take `&self`": fn f(self: Arc<Self>););
    refuses!("must take `&self`": fn f(););
}

#[test]
fn arguments() {
    accepts!(
        fn f(&self, a: &str, b: &[u8], c: Option<&str>, d: Line<'_>, e: &Line<'_>);
    );
    accepts!(
        fn f<'x>(&self, a: &'x str, b: Cow<'x, str>);
    );
    accepts!(
        fn f(&self, mut a: String) {
            a.clear();
        }
    );
    refuses!("by `&mut`": fn f(&self, a: &mut u8););
    refuses!("by `&mut`": fn f(&self, a: (u8, &mut u8)););
    refuses!("is generic": fn f(&self, a: Vec<impl Copy>););
    refuses!("'static": fn f(&self, a: Cow<'static, str>););
    refuses!("`Self`": fn f(&self, a: Option<Self>););
    refuses!("`Self`": fn f(&self, a: <Self as Other>::Type););
    refuses!("a name": fn f(&self, _: u8););
    refuses!("a name": fn f(&self, [a, b]: [u8; 2]););
    refuses!("a name": fn f(&self, a @ _: u8););
    refuses!("encoding of `f`": fn f(&self, #[cfg(unix)] a: u8););
}

#[test]
fn generics() {
    accepts!(
        fn f<'a, 'b: 'a>(&self, a: &'a str, b: &'b str);
    );
    refuses!("is generic": fn f<T>(&self, a: T););
    refuses!("is generic": fn f<T>(&self, a: T) where T: Copy;);
    refuses!("is generic": fn f<const N: usize>(&self););
    refuses!("remove the `where` clause": fn f<'a>(&'a self) where Self: Sized;);
}

#[test]
fn replies() {
    accepts!(
        fn f(&self) -> Result<Vec<u8>, fmt::Error>;
    );
    accepts!(
        fn f(&self) -> ();
    );
    refuses!("return `String`": fn f(&self) -> &str;);
    refuses!("return `Vec<Vec<u8>>`": fn f(&self) -> &[Vec<u8>];);
    refuses!("return `u8`": fn f<'a>(&'a self) -> &'a u8;);
    refuses!("owns its parts": fn f(&self) -> (u8, Line<'_>););
    refuses!("is generic": fn f(&self) -> impl Iterator<Item = &u8>;);
    refuses!("`Self`": fn f(&self) -> Self;);
    refuses!("never returns": fn f(&self) -> !;);
}

#[test]
fn qualifiers() {
    refuses!("remove `unsafe`": unsafe fn f(&self););
    refuses!("remove `const`": const fn f(&self););
    refuses!("remove `extern`": extern "C" fn f(&self););
    refuses!("remove `...`": fn f(&self, ...););
}

#[test]
fn oneway() {
    accepts!(
        #[rpc(oneway, id = 1)]
        fn f(&self, a: u8);
    );
    accepts!(
        #[rpc(oneway)]
        fn f(&self) -> ();
    );
    refuses!("remove `-> Vec<u8>`": #[rpc(oneway)] fn f(&self) -> Vec<u8>;);
    refuses!("remove `idempotent`": #[rpc(oneway, idempotent)] fn f(&self););
    refuses!("remove `deadline`": #[rpc(oneway, deadline = "1s")] fn f(&self););
    refuses!("remove `max_request`": #[rpc(oneway, max_request = 1000)] fn f(&self););
    refuses!("remove `max_reply`": #[rpc(oneway, max_reply = 1000)] fn f(&self););
    refuses!("remove this argument": #[rpc(oneway)] fn f(&self, #[reply] to: Reply<u8>););
}

#[test]
fn contexts() {
    accepts!(
        fn f(&self, #[ctx] cx: &Context);
    );
    accepts!(
        fn f(&self, #[ctx] _: &'_ Context, a: u8);
    );
    refuses!("first argument": fn f(&self, a: u8, #[ctx] cx: &Context););
    refuses!("first argument": fn f(&self, #[ctx] a: &Context, #[ctx] b: &Context););
    refuses!("`&Context`": fn f(&self, #[ctx] cx: Context););
    refuses!("`&Context`": fn f(&self, #[ctx] cx: &mut Context););
}

#[test]
fn answers_of_the_next_version() {
    refuses!("move its default body to a free function": async fn f(&self) -> u8 { 0 });
    refuses!("say what `f` replies": fn f(&self) -> impl Future + Send;);
    refuses!("add `+ Send`": fn f(&self) -> impl Future<Output = u8>;);
    refuses!("answers once": fn f(&self, #[reply] a: Reply<u8>, #[reply] b: Reply<u8>););
    refuses!("move this one there": fn f(&self, #[reply] to: Reply<u8>, b: u8););
    refuses!("remove `-> u8`, or the argument": fn f(&self, #[reply] to: Reply<u8>) -> u8;);
    refuses!("by value": fn f(&self, #[reply] to: &Reply<u8>););
    refuses!("by value": fn f(&self, #[reply] to: Reply););
    refuses!("remove `async`": async fn f(&self, #[reply] to: Reply<u8>););
    refuses!("returns a borrow": async fn f(&self) -> &str;);
    refuses!("returns a borrow": fn f(&self, #[reply] to: Reply<&str>););
    refuses!("give `()`": #[rpc(oneway)] fn f(&self) -> impl Future<Output = u8> + Send;);
}

#[test]
fn options() {
    accepts!(
        #[rpc(idempotent, deadline = "250ms", id = 7)]
        fn f(&self);
    );
    accepts!(
        #[rpc(max_request = 1, max_reply = 1_073_741_824usize)]
        fn f(&self);
    );
    accepts!(
        #[rpc(max_request = "1KiB", max_reply = "1 GiB")]
        fn f(&self);
    );
    refuses!("zero": #[rpc(max_request = 0)] fn f(&self););
    refuses!("zero": #[rpc(max_reply = "0 KiB")] fn f(&self););
    refuses!("1 GiB": #[rpc(max_request = 1_073_741_825)] fn f(&self););
    refuses!("1 GiB": #[rpc(max_request = 0xffff_ffff_ffff_ffff_ffff)] fn f(&self););
    refuses!("1 GiB": #[rpc(max_reply = "2 GiB")] fn f(&self););
    refuses!("`max_request = \"64 KiB\"`": #[rpc(max_request)] fn f(&self););
    refuses!("`max_request = \"64 KiB\"`": #[rpc(max_request = 64u8)] fn f(&self););
    refuses!("`max_request = \"64 KiB\"`": #[rpc(max_request = LIMIT)] fn f(&self););
    refuses!("`max_reply = \"64 KiB\"`": #[rpc(max_reply = "64 KB")] fn f(&self););
    refuses!("given twice": #[rpc(max_reply = 64, max_reply = 64)] fn f(&self););
    refuses!("remove `max_request`": #[rpc(single_datagram, max_request = 64)] fn f(&self););
    refuses!("remove `max_reply`": #[rpc(single_datagram, max_reply = 64)] fn f(&self););
    refuses!("zero": #[rpc(deadline = "0ms")] fn f(&self););
    refuses!("not a duration": #[rpc(deadline = "soon")] fn f(&self););
    refuses!("given twice": #[rpc(id = 1, id = 2)] fn f(&self););
    refuses!("unknown option": #[rpc(retry)] fn f(&self););
    refuses!("an option is missing": #[rpc()] fn f(&self););
    refuses!("cfg_attr": #[cfg_attr(unix, rpc(oneway))] fn f(&self););
}

#[test]
fn what_rustc_refuses_is_left_to_it() {
    let (interface, messages) = checked(
        quote!(),
        &parse_quote!(
            trait T {
                fn a(&self, x: u8, x: u8);
                fn b(&self, x: _);
                fn c(&self);
                fn c(&self);
            }
        ),
    );
    assert!(messages.is_empty());
    let sound: Vec<_> = interface.sound_methods().map(|method| &*method.wire_name).collect();
    assert_eq!(sound, ["c"]);
}

#[test]
fn ids() {
    let collision = checked(
        quote!(),
        &parse_quote!(
            trait T {
                #[rpc(id = 0xe40c292c)]
                fn b(&self);
                fn a(&self);
                fn c(&self);
            }
        ),
    );
    assert_eq!(collision.1, ["`b` and `a` have the same id; give one `#[rpc(id = N)]`"]);
    let alternatives = checked(
        quote!(),
        &parse_quote!(
            trait T {
                #[cfg(unix)]
                fn a(&self);
                #[cfg(not(unix))]
                fn a(&self, x: u8);
            }
        ),
    );
    assert!(alternatives.1.is_empty());
    assert_eq!(alternatives.0.sound_methods().count(), 2);
}

#[test]
fn traits() {
    let message = |item: ItemTrait| checked(quote!(), &item).1.join("; ");
    assert_eq!(
        message(parse_quote!(
            trait T: Send + Other where
                Self: Sized,
            {
            }
        )),
        ""
    );
    assert!(
        message(parse_quote!(
            trait T<K> {}
        ))
        .contains("type parameters")
    );
    assert!(
        message(parse_quote!(
            trait T<'a> {}
        ))
        .contains("lifetime parameters")
    );
    assert!(
        message(parse_quote!(
            trait T<const N: u8> {}
        ))
        .contains("const parameters")
    );
    assert!(
        message(parse_quote!(
            unsafe trait T {}
        ))
        .contains("remove `unsafe`")
    );
    assert!(
        message(parse_quote!(
            trait T {
                type K;
            }
        ))
        .contains("instead of `K`")
    );
    assert!(
        message(parse_quote!(
            trait T {
                const N: u8;
            }
        ))
        .contains("move `N` out")
    );
}

#[test]
fn a_client_has_no_context() {
    let item = parse_quote!(
        trait T {
            fn f(&self, #[ctx] cx: &Context) -> Answer;
        }
    );
    assert_eq!(checked(quote!(), &item).1.len(), 0);
    assert_eq!(checked(quote!(client_impl), &item).1.len(), 1);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let (interface, messages) = checked(
        quote!(nam = "x"),
        &parse_quote! {
            trait T {
                const N: u8;
                fn f(&mut self, a: &mut u8, _: u8) -> &str;
                fn good(&self);
            }
        },
    );
    assert_eq!(messages.len(), 6, "{messages:?}");
    assert_eq!(interface.sound_methods().count(), 1);
}
