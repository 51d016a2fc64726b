//! The shape of the output. Whether it compiles and runs is for the programs in `tests/ui`.

use quote::quote;

use crate::expand;

/// The expansion as formatted source, which has to be a list of items.
fn expanded(arguments: proc_macro2::TokenStream, item: proc_macro2::TokenStream) -> String {
    let file = syn::parse2(expand::interface(arguments, item)).expect("items");
    prettyplease::unparse(&file)
}

fn calculator() -> proc_macro2::TokenStream {
    quote! {
        pub trait Calculator {
            fn add(&self, a: i32, b: &str) -> i32;
            #[rpc(oneway)]
            fn log(&self, line: String);
        }
    }
}

#[test]
fn output_is_valid_and_small() {
    let output = expanded(quote!(), calculator());
    for item in ["trait Calculator {", "struct CalculatorClient {", "struct CalculatorStart<'c> {"]
    {
        assert!(output.contains(&format!("pub {item}")), "{item}\n{output}");
    }
    assert!(output.contains("pub struct CalculatorServer<S: ?::core::marker::Sized>"));
    println!("{output}");
    // Each method takes a stub or two, one static and one arm.
    let tokens = |item| expand::interface(quote!(), item).to_string().len();
    let one_more = tokens(quote!(
        trait T {
            fn f(&self, x: u8);
            fn g(&self, x: u8);
        }
    )) - tokens(quote!(
        trait T {
            fn f(&self, x: u8);
        }
    ));
    assert!(one_more < 4000, "{one_more} characters for one method");
}

#[test]
fn every_path_is_absolute() {
    let output = expanded(quote!(), calculator());
    let code = output.lines().filter(|line| !line.trim_start().starts_with("//"));
    for line in code {
        for name in ["farcall::", "core::", "std::"] {
            for (at, _) in line.match_indices(name) {
                let before = &line[..at];
                assert!(before.ends_with("::"), "{line}");
            }
        }
    }
}

#[test]
fn oneway_methods_cannot_be_started() {
    let output = expanded(quote!(), calculator());
    assert_eq!(output.matches("pub fn add(").count(), 2);
    assert_eq!(output.matches("pub fn log(").count(), 1);
    assert!(output.contains("::farcall::__private::send("));
    assert_eq!(output.matches(".oneway()").count(), 1);
}

#[test]
fn a_method_of_the_user_replaces_ours() {
    let ours = expanded(
        quote!(),
        quote!(
            trait T {
                fn f(&self);
            }
        ),
    );
    let theirs = expanded(
        quote!(),
        quote!(
            trait T {
                fn connect(&self, on: u8);
            }
        ),
    );
    assert_eq!(ours.matches("fn connect(").count(), 1);
    // The trait, the client and the start stub.
    assert_eq!(theirs.matches("fn connect(").count(), 3);
    assert!(!theirs.contains("ServerAddress"));
}

#[test]
fn the_crate_can_be_elsewhere() {
    let output = expanded(quote!(crate = crate::wrapper), calculator());
    assert!(output.contains("crate::wrapper::__private::Interface"));
    assert!(!output.contains("farcall::"));
}

#[test]
fn after_a_mistake_trait_and_stubs_remain() {
    let output = expanded(
        quote!(),
        quote! {
            pub trait T {
                #[rpc(oneway)]
                fn bad(&self, (a, b): (u8, u8)) -> u8;
                fn good(&self);
            }
        },
    );
    assert_eq!(output.matches("compile_error!").count(), 2);
    assert!(output.contains("fn bad(&self, _: (u8, u8)) -> u8;"));
    assert_eq!(output.matches("pub fn good(&self)").count(), 2);
    assert!(!output.contains("#[rpc"));
}

#[test]
fn a_wrong_trait_is_not_named_as_a_bound() {
    let output = expanded(
        quote!(),
        quote!(
            pub trait T<K> {
                fn f(&self, key: K);
            }
        ),
    );
    assert_eq!(output.matches("compile_error!").count(), 1);
    let is_made = output.split("TServer<S> {").any(|part| part.contains("fn shared("));
    assert!(!output.contains("S: T") && is_made, "{output}");
    assert!(!output.contains("T\n") && !output.contains("as T>"), "{output}");
}

#[test]
fn something_else_than_a_trait_stays() {
    let output = expanded(
        quote!(),
        quote!(
            struct T;
        ),
    );
    assert_eq!(output.matches("compile_error!").count(), 1);
    assert!(output.contains("struct T;"));
}
