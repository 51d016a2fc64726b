//! Types of other crates, through serde.

use std::cell::Cell;
use std::collections::BTreeMap;

use farcall::{CallErrorKind, Marshal, Outcome, Serde, Unmarshal, rpc_interface};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::support::both;

/// Of another crate, as far as farcall can tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Address {
    street: String,
    number: Option<u16>,
}

/// Some of its values cannot be encoded.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Fragile(bool);

impl Serialize for Fragile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 {
            return Err(serde::ser::Error::custom("it is broken"));
        }
        serializer.serialize_newtype_struct("Fragile", &self.0)
    }
}

/// As deep as somebody likes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Tree {
    Leaf,
    Node(Box<Self>),
}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Customer<'a> {
    #[marshal(serde)]
    id: Uuid,
    name: &'a str,
    #[marshal(serde)]
    nickname: &'a str,
    #[marshal(serde)]
    addresses: Vec<Address>,
    friends: BTreeMap<Serde<Uuid>, u8>,
}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub enum Event {
    Nothing,
    Joined(#[marshal(serde)] Uuid),
    Moved {
        #[marshal(serde)]
        to: Address,
        by: u8,
    },
}

#[derive(Clone, Debug, PartialEq, Marshal)]
#[marshal(bound = "T: Serialize + for<'a> Deserialize<'a>, U: Marshal + for<'a> Unmarshal<'a>")]
pub struct Pair<T, U>(#[marshal(serde)] T, U);

#[rpc_interface]
pub trait Directory {
    fn customer(&self, customer: Customer<'_>) -> String;
    fn event(&self, event: &Event) -> Event;
    fn find(&self, id: Serde<Uuid>, others: &[Serde<Uuid>]) -> Option<Serde<Address>>;
    fn pair(&self, pair: Pair<Address, u8>) -> Pair<Address, u8>;
    fn toggle(&self, fragile: Serde<Fragile>) -> Serde<Fragile>;
    fn any(&self, value: Serde<serde_json::Value>);
    fn depth(&self, tree: Serde<Tree>) -> u32;
    fn count(&self, units: Serde<Vec<()>>) -> u32;
}

struct Book;

impl Directory for Book {
    fn customer(&self, customer: Customer<'_>) -> String {
        format!("{customer:?}")
    }

    fn event(&self, event: &Event) -> Event {
        event.clone()
    }

    fn find(&self, id: Serde<Uuid>, others: &[Serde<Uuid>]) -> Option<Serde<Address>> {
        let number = u16::try_from(others.len()).ok();
        others.contains(&id).then(|| Serde(Address { street: id.to_string(), number }))
    }

    fn pair(&self, pair: Pair<Address, u8>) -> Pair<Address, u8> {
        pair
    }

    fn toggle(&self, fragile: Serde<Fragile>) -> Serde<Fragile> {
        Serde(Fragile(!fragile.into_inner().0))
    }

    fn any(&self, _: Serde<serde_json::Value>) {
        unreachable!("nothing can be decoded as this")
    }

    fn depth(&self, tree: Serde<Tree>) -> u32 {
        let (mut depth, mut tree) = (0, &tree.0);
        while let Tree::Node(inside) = tree {
            (depth, tree) = (depth + 1, &**inside);
        }
        depth
    }

    fn count(&self, units: Serde<Vec<()>>) -> u32 {
        u32::try_from(units.len()).expect("it is limited")
    }
}

/// The client's idea of the interface, with another version of a foreign type.
mod other {
    use super::{Deserialize, Serde, Serialize, Uuid, rpc_interface};

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Fragile(pub u32);

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Address {
        pub street: u32,
        pub number: u8,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub struct LongerAddress {
        street: String,
        number: Option<u16>,
        country: String,
    }

    #[rpc_interface(name = "Directory")]
    pub trait Retyped {
        fn find(&self, id: Serde<Uuid>, others: &[Serde<Uuid>]) -> Option<Serde<Address>>;
        fn toggle(&self, fragile: Serde<Fragile>) -> Serde<Fragile>;
    }

    #[rpc_interface(name = "Directory")]
    pub trait Longer {
        fn find(&self, id: Serde<Uuid>, others: &[Serde<Uuid>]) -> Option<Serde<LongerAddress>>;
    }
}

both! {
    fn foreign_types_arrive_as_they_were_sent(place: &Place) {
        let server = place.serve(|server| server.serve(DirectoryServer::new(Book)));
        let directory: DirectoryClient = server.stub();
        let (id, address) = (
            Uuid::from_u128(7),
            Address { street: "Main".to_owned(), number: Some(1) },
        );
        let customer = Customer {
            id,
            name: "name",
            nickname: "nick",
            addresses: vec![address.clone(); 2],
            friends: BTreeMap::from([(Serde(id), 1)]),
        };
        assert_eq!(directory.customer(customer.clone()).unwrap(), format!("{customer:?}"));
        for event in [
            Event::Nothing,
            Event::Joined(id),
            Event::Moved { to: address.clone(), by: 3 },
        ] {
            assert_eq!(directory.event(&event).unwrap(), event);
        }
        let found = directory.find(id.into(), &[id.into(), Uuid::nil().into()]).unwrap();
        assert_eq!(found.unwrap().street, id.to_string());
        let pair = Pair(address, 7);
        assert_eq!(directory.pair(pair.clone()).unwrap(), pair);
    }

    fn what_serde_refuses_to_encode_is_told(place: &Place) {
        let server = place.serve(|server| server.serve(DirectoryServer::new(Book)));
        let directory: DirectoryClient = server.stub();
        let error = directory.toggle(Serde(Fragile(true))).unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotExecuted);
        let CallErrorKind::UnencodableArguments(source) = error.kind() else { panic!("{error}") };
        assert!(source.to_string().ends_with("Fragile: it is broken"), "{source}");
        assert_eq!(server.handle.statistics().executions, 0);

        let error = directory.toggle(Serde(Fragile(false))).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Executed);
        let CallErrorKind::UnencodableReply { detail } = error.kind() else { panic!("{error}") };
        assert!(detail.ends_with("Fragile: it is broken"), "{detail}");
    }

    fn what_serde_cannot_decode_did_not_run(place: &Place) {
        let server = place.serve(|server| server.serve(DirectoryServer::new(Book)));
        let directory: DirectoryClient = server.stub();
        let error = directory.any(Serde(serde_json::json!([1]))).unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotExecuted);
        let CallErrorKind::UndecodableArguments { detail } = error.kind() else { panic!("{error}") };
        assert!(detail.contains("serde_json::value::Value can only be read from"), "{detail}");
    }

    fn limits_hold_for_foreign_types(place: &Place) {
        let server = place.serve(|server| server.serve(DirectoryServer::new(Book)));
        let directory: DirectoryClient = server.stub();
        let tree = |depth| (0..depth).fold(Tree::Leaf, |tree, _| Tree::Node(Box::new(tree)));
        // The leaf is the last level.
        assert_eq!(directory.depth(Serde(tree(63))).unwrap(), 63);
        assert_eq!(directory.count(Serde(vec![(); 65_536])).unwrap(), 65_536);
        for (error, why) in [
            (directory.depth(Serde(tree(200))).unwrap_err(), "nested more than 64 deep"),
            (directory.count(Serde(vec![(); 65_537])).unwrap_err(), "elements that take no bytes"),
        ] {
            assert_eq!(error.outcome(), Outcome::NotExecuted);
            assert!(matches!(error.kind(), CallErrorKind::UndecodableArguments { .. }), "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    /// What the documentation says about a change inside of a foreign type.
    fn a_change_of_a_foreign_type_is_noticed_early_or_late(place: &Place) {
        let server = place.serve(|server| server.serve(DirectoryServer::new(Book)));
        let id = Serde(Uuid::from_u128(1));
        // Another field: the signatures differ.
        let error = server.stub::<other::LongerClient>().find(id, &[]).unwrap_err();
        let CallErrorKind::SignatureMismatch { client, server: text } = error.kind() else {
            panic!("{error}")
        };
        assert!(client.contains("serde LongerAddress { street, number, country }"), "{client}");
        assert!(text.contains("serde Address { street, number }"), "{text}");
        // A newtype shows what is inside.
        let retyped = server.stub::<other::RetypedClient>();
        let error = retyped.toggle(Serde(other::Fragile(7))).unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::SignatureMismatch { .. }), "{error}");
        // Another type of a field: only the bytes tell.
        let error = retyped.find(id, &[id]).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Executed);
        assert!(matches!(error.kind(), CallErrorKind::UndecodableReply(_)), "{error}");
    }
}

/// Serializing runs once for a call, however often it is sent.
#[test]
fn a_value_is_encoded_once() {
    thread_local!(static TIMES: Cell<u32> = const { Cell::new(0) });
    #[derive(Deserialize)]
    pub struct Counted;
    impl Serialize for Counted {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            TIMES.set(TIMES.get() + 1);
            serializer.serialize_unit()
        }
    }
    #[rpc_interface]
    pub trait Count {
        fn count(&self, counted: Serde<Counted>);
    }
    struct Counter;
    impl Count for Counter {
        fn count(&self, _: Serde<Counted>) {}
    }
    let place = crate::support::Place::Udp;
    let server = place.serve(|server| server.serve(CountServer::new(Counter)));
    server.stub::<CountClient>().count(Serde(Counted)).unwrap();
    assert_eq!(TIMES.get(), 1);
}
