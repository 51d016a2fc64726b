//! The model of a trait that has everything.

use std::time::Duration;

use quote::ToTokens;
use syn::{Attribute, ItemTrait, parse_quote};

use crate::attr::InterfaceOptions;
use crate::diagnostics::Diagnostics;
use crate::model::{Answer, Interface, OtherItem, Pattern, Receiver};

fn parsed(item: &ItemTrait) -> Interface {
    let mut diagnostics = Diagnostics::default();
    let interface = super::interface(item, InterfaceOptions::default(), &mut diagnostics);
    assert_eq!(diagnostics.into_messages(), [] as [&str; 0]);
    interface
}

fn shown(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().map(|attribute| attribute.to_token_stream().to_string()).collect()
}

#[test]
fn defaults_come_from_the_trait() {
    let interface = parsed(&parse_quote!(
        pub(crate) trait r#Type {}
    ));
    assert_eq!(interface.name, "Type");
    assert_eq!(interface.root.to_token_stream().to_string(), ":: farcall");
    assert_eq!(interface.visibility.to_token_stream().to_string(), "pub (crate)");
    assert!(interface.sound && interface.methods.is_empty());
}

#[test]
fn arguments_are_told_from_the_context() {
    let interface = parsed(&parse_quote! {
        trait T {
            fn f<'x>(&'x self, #[ctx] cx: &Context, mut a: u8, (b, c): (u8, u8)) -> u8;
        }
    });
    let method = &interface.methods[0];
    assert!(matches!(&method.receiver, Receiver::Shared(Some(lifetime)) if lifetime.ident == "x"));
    assert!(method.context.as_ref().is_some_and(|context| context.is_first));
    assert_eq!(method.arguments.len(), 2);
    assert!(matches!(&method.arguments[0].pattern, Pattern::Name(name) if name == "a"));
    assert!(matches!(&method.arguments[1].pattern, Pattern::Other(_)));
}

#[test]
fn every_way_to_answer_has_a_place() {
    let interface = parsed(&parse_quote! {
        trait T {
            fn nothing(&self);
            fn value(&self) -> u8;
            async fn keyword(&self) -> u8;
            fn opaque(&self) -> impl ::core::future::Future<Output = u8> + Send;
            fn later(&self, a: u8, #[reply] to: Reply<u8>);
        }
    });
    let answers: Vec<_> = interface.methods.iter().map(|method| &method.answer).collect();
    assert!(matches!(
        answers[..],
        [
            Answer::Returned(None),
            Answer::Returned(Some(_)),
            Answer::Future(_),
            Answer::Future(_),
            Answer::Later(_)
        ]
    ));
    assert_eq!(interface.methods[4].arguments.len(), 1, "the reply is not an argument");
}

#[test]
fn options_of_several_attributes_add_up() {
    let interface = parsed(&parse_quote! {
        trait T {
            #[rpc(idempotent, deadline = "1m 30s", max_request = 65_536, max_reply = "16 MiB")]
            #[rpc(id = 0x10)]
            fn f(&self);
            fn a(&self);
        }
    });
    let [f, a] = &interface.methods[..] else { panic!("two methods") };
    assert!(f.options.idempotent.is_some() && f.options.oneway.is_none());
    assert_eq!(f.options.deadline.as_ref().map(|(_, value)| *value), Some(Duration::from_secs(90)));
    assert_eq!(f.options.max_request.as_ref().map(|(_, value)| *value), Some(65_536));
    assert_eq!(f.options.max_reply.as_ref().map(|(_, value)| *value), Some(16 << 20));
    assert_eq!(f.id.value, 16);
    assert_eq!(a.id.value, 0xe40c_292c);
}

#[test]
fn attributes_are_sorted_one_by_one() {
    let interface = parsed(&parse_quote! {
        trait T {
            /// Text.
            #[cfg_attr(unix, cfg(windows), doc = "More.", inline)]
            #[must_use]
            #[deprecated]
            #[expect(dead_code)]
            fn f(&self);
        }
    });
    let attributes = &interface.methods[0].attributes;
    assert_eq!(shown(&attributes.cfg), ["# [cfg_attr (unix , cfg (windows))]"]);
    assert_eq!(attributes.doc.len(), 2);
    assert_eq!(shown(&attributes.lints), ["# [deprecated]", "# [allow (dead_code)]"]);
}

#[test]
fn a_condition_may_contain_commas() {
    let interface = parsed(&parse_quote! {
        trait T {
            #[cfg_attr(all(unix, test), rpc(idempotent))]
            fn f(&self);
        }
    });
    assert_eq!(interface.methods[0].conditional_marks.len(), 1);
}

#[test]
fn other_items_are_kept_apart() {
    let interface = parsed(&parse_quote! {
        trait T { type A; const B: u8; methods!(); }
    });
    assert!(matches!(
        interface.others[..],
        [OtherItem::Type { .. }, OtherItem::Const { .. }, OtherItem::Unknown { .. }]
    ));
}

#[test]
fn the_declaration_loses_our_attributes_only() {
    let item = super::declaration(parse_quote! {
        trait T {
            #[rpc(oneway)]
            #[cfg_attr(unix, rpc(id = 1))]
            #[inline]
            fn f(&self, #[ctx] cx: &Context, #[allow(unused)] a: u8);
        }
    });
    let expected: ItemTrait = parse_quote! {
        trait T {
            #[inline]
            fn f(&self, cx: &Context, #[allow(unused)] a: u8);
        }
    };
    assert_eq!(item.to_token_stream().to_string(), expected.to_token_stream().to_string());
}
