//! The shape of the output. Whether it compiles and runs is for the programs in `tests/ui`.

use quote::quote;

fn expanded(item: proc_macro2::TokenStream) -> String {
    let file = syn::parse2(super::expand(item)).expect("items");
    prettyplease::unparse(&file)
}

#[test]
fn where_clauses_are_kept_and_bounds_are_added() {
    let output = expanded(quote! {
        struct Line<'a, T: Copy = u8, const N: usize = 1>
        where
            T: Clone,
        {
            text: &'a str,
            r#type: [T; N],
        }
    });
    assert!(output.contains(
        "impl<'a, T: Copy, const N: usize> ::farcall::__private::Marshal for Line<'a, T, N>"
    ));
    assert!(
        output.contains("impl<\n    '__farcall: 'a,") || output.contains("impl<'__farcall: 'a,")
    );
    assert_eq!(output.matches("T: Clone,").count(), 2);
    assert!(output.contains("T: ::farcall::__private::Marshal,"));
    assert!(output.contains("T: ::farcall::__private::Unmarshal<'__farcall>,"));
    assert!(output.contains("(\"Line\", \"type\", "), "{output}");
}

#[test]
fn tags_are_positions() {
    let output = expanded(quote!(
        enum E {
            A = 7,
            B(u8),
            C { x: u8 },
        }
    ));
    for tag in ["put_tag(0u32)", "put_tag(1u32)", "put_tag(2u32)"] {
        assert_eq!(output.matches(tag).count(), 1, "{output}");
    }
    assert!(!output.contains('7'));
    assert!(output.contains("\"E::C\""));
}

#[test]
fn a_given_bound_replaces_ours_in_both_impls() {
    let output = expanded(quote! {
        #[marshal(bound = "F::Key: Marshal", crate = crate::wrapper)]
        struct Entry<F: Family>(F::Key);
    });
    assert_eq!(output.matches("F::Key: Marshal,").count(), 2);
    assert!(!output.contains("F: crate"));
    assert!(!output.contains("farcall::"));
}

#[test]
fn wrong_inputs_get_one_message_and_no_impl() {
    for item in [
        quote!(union U { a: u8 }),
        quote!(
            enum E {}
        ),
        quote!(
            #[repr(packed)]
            struct S {
                a: u8,
            }
        ),
    ] {
        let output = expanded(item);
        assert_eq!(output.matches("compile_error!").count(), 1, "{output}");
        assert!(!output.contains("impl"), "{output}");
    }
}

#[test]
fn wrong_options_leave_the_impls() {
    for item in [
        quote!(
            #[marshal(rename)]
            struct S {
                a: u8,
            }
        ),
        quote!(
            struct S {
                #[marshal(skip)]
                a: u8,
            }
        ),
        quote!(
            struct S(#[marshal(bound = "")] u8);
        ),
        quote!(
            #[marshal(serde)]
            struct S {
                a: u8,
            }
        ),
        quote!(
            enum E {
                #[marshal(tag = 3)]
                A,
            }
        ),
        quote!(
            #[marshal(bound = "T +")]
            struct S<T> {
                a: T,
            }
        ),
        quote!(
            #[marshal(crate = "x")]
            struct S {
                a: u8,
            }
        ),
    ] {
        let output = expanded(item);
        assert_eq!(output.matches("compile_error!").count(), 1, "{output}");
        assert_eq!(output.matches("#[automatically_derived]").count(), 2, "{output}");
    }
}

#[test]
#[cfg(feature = "serde")]
fn a_foreign_field_goes_through_serde() {
    let output = expanded(quote! {
        enum E {
            A { #[marshal(serde)] id: Id, rest: u8 },
        }
    });
    // Where lines are broken does not count.
    let output = output.split_whitespace().collect::<String>().replace(",>", ">");
    let call = "::farcall::__private::marshal_foreign::<Id>(__farcall_field_id,";
    assert!(output.contains(call), "{output}");
    assert_eq!(output.matches("::farcall::__private::Serde<Id>").count(), 3, "{output}");
    assert!(output.contains("(\"E::A\",\"id\",__farcall_reader)?.0"), "{output}");
    assert!(!output.contains("Serde<u8>") && !output.contains("Idas"), "{output}");
}

#[test]
#[cfg(not(feature = "serde"))]
fn without_the_feature_a_foreign_field_is_a_mistake() {
    let output = expanded(quote!(
        struct S(#[marshal(serde)] Id);
    ));
    assert_eq!(output.matches("compile_error!").count(), 1, "{output}");
    assert!(output.contains("features = ["), "{output}");
}
