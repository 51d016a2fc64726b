//! Messages that are made to hurt, sent to real servers and clients: they are refused, nobody's code
//! runs, memory stays within bounds, and the next honest call works.
#![allow(missing_docs, unreachable_pub, reason = "interfaces are written here as users write them")]

mod allocator;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use farcall::{
    CallError, CallErrorKind, Client, DecodeError, Marshal, Outcome, Reader, Schema, Server,
    ServerHandle, Unmarshal, Writer, rpc_interface,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Claims to be a `T` and is any bytes at all.
pub struct Forged<T: ?Sized>(Vec<u8>, PhantomData<fn() -> Box<T>>);

impl<T: ?Sized> From<&[u8]> for Forged<T> {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec(), PhantomData)
    }
}

impl<T: Marshal + ?Sized> Marshal for Forged<T> {
    fn marshal(&self, out: &mut Writer) {
        out.put_raw(&self.0);
    }

    fn describe(schema: &mut Schema) {
        T::describe(schema);
    }
}

/// Takes whatever comes.
impl<'a, T: Marshal + ?Sized> Unmarshal<'a> for Forged<T> {
    const MIN: usize = 0;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.take(reader.remaining()).map(Self::from)
    }
}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub enum Tree {
    Leaf,
    Node(Box<Self>, Vec<Self>),
}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct List {
    next: Option<Box<Self>>,
}

type Sparse = Option<[u64; 64]>;
type Deep = Option<Box<Result<Option<Arc<Vec<Tree>>>, List>>>;

/// An interface with a method for each type, which echoes its argument, and the same with forged ones.
macro_rules! victims {
    ($($name:ident: $type:ty;)*) => {
        #[rpc_interface]
        pub trait Victim {
            $(fn $name(&self, value: $type) -> $type;)*
            fn honest(&self, text: &str) -> String;
        }

        struct Echo;

        impl Victim for Echo {
            $(fn $name(&self, value: $type) -> $type {
                value
            })*

            fn honest(&self, text: &str) -> String {
                text.to_owned()
            }
        }

        mod attack {
            use super::*;

            /// The arguments are forged.
            #[rpc_interface(name = "Victim")]
            pub trait OnServers {
                $(fn $name(&self, value: Forged<$type>) -> $type;)*
            }

            /// The results are forged.
            #[rpc_interface(name = "Victim")]
            pub trait OnClients {
                $(fn $name(&self, value: $type) -> Forged<$type>;)*
            }
        }

        struct Forger;

        impl attack::OnClients for Forger {
            $(fn $name(&self, _: $type) -> Forged<$type> {
                forged_result(stringify!($name)).as_slice().into()
            })*
        }

        /// Sends the same bytes as an argument of each type.
        fn attack_all(client: &attack::OnServersClient, bytes: &[u8], judge: impl Fn(Result<(), CallError>)) {
            $(judge(client.$name(bytes.into()).map(drop));)*
        }
    };
}

victims! {
    units: Vec<()>;
    nested_units: Vec<Vec<[(); 7]>>;
    unit_map: HashMap<(), Vec<()>>;
    sparse: Vec<Sparse>;
    sparse_portions: Vec<Vec<Sparse>>;
    sparse_boxes: Vec<Result<Box<Sparse>, ()>>;
    sparse_map: BTreeMap<u32, Sparse>;
    sparse_hash_map: HashMap<u32, Sparse>;
    tree: Tree;
    list: List;
    deep: Deep;
    nested: Vec<Vec<Vec<Vec<String>>>>;
    text: String;
    shared_text: Arc<str>;
    owned_text: Arc<String>;
    bytes: Bytes;
    raw: Box<[u8]>;
    numbers: VecDeque<u64>;
    flags: Vec<bool>;
    large_array: Option<Box<[u64; 2000]>>;
    map: HashMap<String, Vec<u8>>;
    set: HashSet<u64>;
    sorted: BTreeSet<String>;
    tuple: (u8, Option<char>, [u8; 3]);
}

/// The most that the bytes of one datagram may be, and a bound for the memory of its values: 16 times
/// that, and 1 MiB, and as much again for what else the process does meanwhile.
const DATAGRAM: usize = 65_000;
const MOST_MEMORY: usize = 2 * (16 * DATAGRAM + (1 << 20));

fn serve() -> (ServerHandle, Client) {
    let server = Server::builder().datagram_size(DATAGRAM).bind("127.0.0.1:0").unwrap();
    let server = server.serve(VictimServer::new(Echo)).spawn().unwrap();
    let client = Client::builder().datagram_size(DATAGRAM).connect(server.local_addr()).unwrap();
    (server, client)
}

fn units(units: &[u32]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

/// The call was refused, because of this.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, CallError>, why: &str) {
    let error = result.expect_err("it was refused");
    assert_eq!(error.outcome(), Outcome::NotExecuted, "{error}");
    let CallErrorKind::UndecodableArguments { detail } = error.kind() else { panic!("{error}") };
    assert!(detail.contains("argument `value`") && detail.contains(why), "{detail}");
}

fn main_attacks(client: &Client) {
    let attack: attack::OnServersClient = client.stub();
    macro_rules! refuses {
        ($($method:ident($bytes:expr): $why:literal;)*) => {$(
            let bytes: Vec<u8> = $bytes;
            let (result, peak) = allocator::peak(|| attack.$method(bytes.as_slice().into()));
            refused(result, $why);
            assert!(peak < MOST_MEMORY, "{}: {peak} bytes", stringify!($method));
            assert_eq!(client.stub::<VictimClient>().honest("still there").unwrap(), "still there");
        )*};
    }
    const MANY: u32 = u32::MAX;
    let zeros = |count: u32| units(&[&[count][..], &vec![0; count as usize]].concat());
    let entries = |count: u32| -> Vec<u8> {
        let entries = (0..count).flat_map(|key| [key, 0]);
        units(&[count].into_iter().chain(entries).collect::<Vec<_>>())
    };
    refuses! {
        // Four billion elements that take no bytes.
        units(units(&[MANY])): "65536 elements that take no bytes";
        units(units(&[65_537])): "65536 elements that take no bytes";
        nested_units(units(&[&[1000][..], &[1000; 1000]].concat())): "elements that take no bytes";
        unit_map(units(&[MANY, 0])): "are left";
        unit_map(units(&[1, MANY])): "elements that take no bytes";
        // Four bytes in the message, 520 in memory.
        sparse(zeros(16_000)): "bytes of memory";
        sparse_portions(units(&[&[4000][..], &[2, 0, 0].repeat(4000)].concat())): "bytes of memory";
        sparse_boxes(units(&[&[8000][..], &[0; 16_000]].concat())): "bytes of memory";
        sparse_map(entries(8000)): "bytes of memory";
        sparse_hash_map(entries(8000)): "bytes of memory";
        // No end.
        tree(units(&[1; 16_000])): "nested more than 64 deep";
        tree(units(&[1, 0, 1].repeat(5000))): "nested more than 64 deep";
        list(units(&[1; 16_000])): "nested more than 64 deep";
        deep(units(&[&[1, 0, 1, 1][..], &[1, 0, 1].repeat(5000)].concat())): "nested more than 64 deep";
        // Counts that are not true.
        sparse(units(&[MANY])): "are left";
        nested(units(&[MANY; 100])): "are left";
        text(units(&[MANY, 0])): "are left";
        shared_text(units(&[MANY - 2])): "are left";
        bytes(units(&[MANY - 3])): "are left";
        raw(units(&[1 << 31])): "are left";
        numbers(units(&[1 << 29, 0, 0])): "are left";
        map(units(&[MANY, 0, 0])): "are left";
        set(units(&[1 << 30])): "are left";
        sorted(units(&[16_000])): "are left";
        large_array(units(&[1, 7])): "are left";
        // Everything else that is no value.
        text(b"\0\0\0\x03a\xff\xfe\0".to_vec()): "not UTF-8";
        owned_text(b"\0\0\0\x01a\0\0\x01".to_vec()): "the padding is not zero";
        flags(units(&[2, 1, 2])): "neither false (0) nor true (1)";
        tuple(units(&[256])): "does not fit u8";
        tuple(units(&[1, 1, 0xd800])): "not a Unicode scalar value";
        tuple(b"\0\0\0\x01\0\0\0\0abcd".to_vec()): "the padding is not zero";
        set(units(&[2, 0, 1, 0, 1])): "the key is there twice";
        list(units(&[2])): "neither false (0) nor true (1)";
        tree(units(&[2])): "no variant 2";
    }
}

#[test]
fn hostile_messages_are_refused_and_cost_little() {
    let (server, client) = serve();
    // What is allocated once is not a matter of the messages.
    client.stub::<VictimClient>().honest("hello").unwrap();
    main_attacks(&client);
    bytes_that_follow_are_refused(&client);
    any_bytes_are_a_value_or_refused(&client);
    forged_results_hurt_no_client();
    assert_eq!(server.statistics().panics, 0);
}

fn bytes_that_follow_are_refused(client: &Client) {
    let error = client.stub::<attack::OnServersClient>().units(units(&[1, 0])[..].into());
    let error = error.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    assert!(error.to_string().contains("4 bytes follow the last value"), "{error}");
}

/// Words that look like counts and tags go into every method.
fn any_bytes_are_a_value_or_refused(client: &Client) {
    let attack: attack::OnServersClient = client.stub();
    let word = prop_oneof![
        6 => (0_u32..4).prop_map(u32::to_be_bytes),
        1 => any::<[u8; 4]>(),
        1 => Just([0xff; 4]),
        1 => Just(*b"ab\0\0"),
    ];
    let bytes = vec(word, 0..30).prop_map(|words| words.as_flattened().to_vec());
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let attack_with = |bytes: Vec<u8>| {
        attack_all(&attack, &bytes, |result| {
            if let Err(error) = result {
                assert_eq!(error.outcome(), Outcome::NotExecuted, "{error}");
                let is_refusal = matches!(error.kind(), CallErrorKind::UndecodableArguments { .. });
                assert!(is_refusal, "{error}");
            }
        });
        Ok(())
    };
    TestRunner::new(config).run(&bytes, attack_with).unwrap_or_else(|error| panic!("{error}"));
}

fn forged_result(method: &str) -> Vec<u8> {
    match method {
        "sparse" => units(&[&[15_000][..], &[0; 15_000]].concat()),
        "list" => units(&[1; 15_000]),
        _ => units(&[u32::MAX]),
    }
}

/// A server that forges its results.
fn forged_results_hurt_no_client() {
    let server = Server::builder().datagram_size(DATAGRAM).bind("127.0.0.1:0").unwrap();
    let server = server.serve(attack::OnClientsServer::new(Forger)).spawn().unwrap();
    let client = Client::builder().datagram_size(DATAGRAM).connect(server.local_addr()).unwrap();
    let victim: VictimClient = client.stub();
    let fooled = |result: Result<(), CallError>, why: &str| {
        let error = result.expect_err("no value was sent");
        assert_eq!(error.outcome(), Outcome::Executed, "{error}");
        let CallErrorKind::UndecodableReply(source) = error.kind() else { panic!("{error}") };
        assert!(source.to_string().contains(why), "{source}");
    };
    let ((), peak) = allocator::peak(|| {
        fooled(victim.units(vec![]).map(drop), "elements that take no bytes");
        fooled(victim.sparse(vec![]).map(drop), "bytes of memory");
        fooled(victim.list(List { next: None }).map(drop), "nested more than 64 deep");
        fooled(victim.text(String::new()).map(drop), "are left");
    });
    assert!(peak < MOST_MEMORY, "{peak} bytes");
}
