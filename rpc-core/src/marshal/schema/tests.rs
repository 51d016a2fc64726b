use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Schema;
use crate::marshal::{Marshal, Writer};

/// Types that are only described.
macro_rules! described {
    ($($type:ident $([$($parameter:ident)*])?: |$schema:ident| $description:expr;)*) => {$(
        struct $type $(<$($parameter),*>($($parameter),*))?;

        impl $(<$($parameter: Marshal),*>)? Marshal for $type $(<$($parameter),*>)? {
            fn marshal(&self, _: &mut Writer) {}

            fn describe($schema: &mut Schema) {
                $description;
            }
        }
    )*};
}

fn key<T: ?Sized>() -> &'static str {
    core::any::type_name::<T>()
}

described! {
    Point: |schema| schema.structure(key::<Self>(), "Point", |fields| {
        fields.field::<i32>("x");
        fields.field::<i32>("y");
    });
    Place: |schema| schema.structure(key::<Self>(), "Place", |fields| {
        fields.field::<i32>("longitude");
        fields.field::<i32>("latitude");
    });
    Nested: |schema| schema.structure(key::<Self>(), "Nested", |fields| {
        fields.field::<()>("nothing");
        fields.field::<(i32,)>("first");
        fields.field::<Box<i32>>("second");
    });
    Meter: |schema| schema.structure(key::<Self>(), "Meter", |fields| fields.field::<f64>("0"));
    Marker: |schema| schema.structure(key::<Self>(), "Marker", |_| {});
    Pair[T]: |schema| schema.structure(key::<Self>(), "Pair", |fields| {
        fields.field::<T>("first");
        fields.field::<T>("second");
    });
    Shape: |schema| schema.enumeration(key::<Self>(), "Shape", |variants| {
        variants.variant(0, "Empty", |_| {});
        variants.variant(1, "Circle", |fields| {
            fields.field::<Point>("center");
            fields.field::<u32>("radius");
        });
        variants.variant(5, "Polygon", |fields| fields.field::<Vec<Point>>("0"));
    });
    Tree: |schema| schema.enumeration(key::<Self>(), "Tree", |variants| {
        variants.variant(0, "Leaf", |_| {});
        variants.variant(1, "Node", |fields| {
            fields.field::<Box<Self>>("0");
            fields.field::<Vec<Self>>("1");
        });
    });
    /* The same tree, one turn of it drawn out. */
    UnrolledTree: |schema| schema.enumeration(key::<Self>(), "UnrolledTree", |variants| {
        variants.variant(0, "Leaf", |_| {});
        variants.variant(1, "Node", |fields| {
            fields.field::<Tree>("0");
            fields.field::<Vec<UnrolledTree>>("1");
        });
    });
    OtherTree: |schema| schema.enumeration(key::<Self>(), "OtherTree", |variants| {
        variants.variant(0, "Leaf", |_| {});
        variants.variant(1, "Node", |fields| {
            fields.field::<Box<Self>>("0");
            fields.field::<Vec<bool>>("1");
        });
    });
    Even: |schema| schema.structure(key::<Self>(), "Even", |fields| {
        fields.field::<Option<Box<Odd>>>("next");
    });
    Odd: |schema| schema.structure(key::<Self>(), "Odd", |fields| {
        fields.field::<Option<Box<Even>>>("next");
    });
    Endless: |schema| schema.structure(key::<Self>(), "Endless", |fields| {
        fields.field::<Box<Self>>("0");
        fields.field::<u8>("1");
    });
    InParts: |schema| {
        i32::describe(schema);
        i32::describe(schema);
    };
}

fn hash<T: Marshal + ?Sized>() -> u32 {
    Schema::of::<T>().hash()
}

fn text<T: Marshal + ?Sized>() -> String {
    Schema::of::<T>().text()
}

fn method(describe: impl FnOnce(&mut Schema)) -> Schema {
    let mut schema = Schema::new();
    describe(&mut schema);
    schema
}

/// A change here is a change of the protocol: no client would understand an older server.
#[test]
fn the_hash_is_the_same_for_ever() {
    let hashes = [
        hash::<()>(),
        hash::<u8>(),
        hash::<i64>(),
        hash::<String>(),
        hash::<Vec<u8>>(),
        hash::<[u8; 4]>(),
        hash::<Vec<i32>>(),
        hash::<[i32; 4]>(),
        hash::<Option<bool>>(),
        hash::<Result<u64, String>>(),
        hash::<BTreeMap<String, char>>(),
        hash::<Shape>(),
        hash::<Tree>(),
        hash::<SocketAddr>(),
        method(|_| {}).hash(),
        method(|schema| schema.reply::<()>()).hash(),
        method(|schema| {
            schema.argument::<i32>("a");
            schema.argument::<str>("b");
            schema.reply::<Result<Vec<u64>, Shape>>();
        })
        .hash(),
    ];
    let golden = [
        0x26a5_de5b,
        0xf440_ca5a,
        0xdfef_ebfd,
        0xbace_9b9f,
        0x5b8a_e64e,
        0x3b9b_b921,
        0x9a5f_ac2b,
        0xd38d_de92,
        0xeebe_257d,
        0x24d1_3317,
        0xcc02_ac67,
        0xdbbc_f2d2,
        0x7d47_3708,
        0x25ed_d5cf,
        0x8f7d_c395,
        0x9d27_1cb4,
        0x54f6_d695,
    ];
    assert_eq!(hashes, golden, "{hashes:#010x?}");
}

#[test]
fn the_hash_is_about_bytes_and_not_about_names() {
    assert_eq!(hash::<Point>(), hash::<Place>());
    assert_eq!(hash::<Point>(), hash::<Nested>());
    assert_eq!(hash::<Point>(), hash::<(i32, i32)>());
    assert_eq!(hash::<Point>(), hash::<InParts>());
    assert_eq!(hash::<Pair<i32>>(), hash::<Point>());
    assert_eq!(hash::<Meter>(), hash::<f64>());
    assert_eq!(hash::<Marker>(), hash::<()>());
    assert_eq!(hash::<usize>(), hash::<u64>());
    assert_eq!(hash::<Option<u8>>(), hash::<Option<Rc<u8>>>());
    assert_eq!(hash::<Vec<Point>>(), hash::<Arc<[(i32, i32)]>>());
    assert_eq!(hash::<Vec<u8>>(), hash::<Bytes>());
    assert_eq!(hash::<Vec<u8>>(), hash::<VecDeque<u8>>());
    assert_eq!(hash::<&str>(), hash::<String>());
    assert_eq!(hash::<Ipv4Addr>(), hash::<[u8; 4]>());
    assert_eq!(hash::<Duration>(), hash::<(u64, u32)>());
    assert_eq!(hash::<HashMap<u8, bool>>(), hash::<Vec<(u8, bool)>>());
    assert_eq!(hash::<BTreeSet<u8>>(), hash::<Vec<(u8,)>>());
    // Whether arguments come one by one or as a structure, the bytes are the same.
    let one_by_one = method(|schema| {
        schema.argument::<i32>("x");
        schema.argument::<i32>("y");
    });
    assert_eq!(one_by_one.hash(), method(|schema| schema.argument::<Point>("point")).hash());
}

#[test]
fn what_the_bytes_tell_apart_the_hash_tells_apart() {
    let hashes = [
        hash::<()>(),
        hash::<u8>(),
        hash::<i8>(),
        hash::<u16>(),
        hash::<i16>(),
        hash::<u32>(),
        hash::<i32>(),
        hash::<u64>(),
        hash::<i64>(),
        hash::<u128>(),
        hash::<i128>(),
        hash::<f32>(),
        hash::<f64>(),
        hash::<bool>(),
        hash::<char>(),
        hash::<String>(),
        hash::<Vec<u8>>(),
        hash::<BTreeSet<u8>>(),
        hash::<[u8; 3]>(),
        hash::<[u8; 4]>(),
        hash::<Vec<u32>>(),
        hash::<[u32; 3]>(),
        hash::<[u32; 4]>(),
        hash::<(u32, u32)>(),
        hash::<(u32, u64)>(),
        hash::<(u64, u32)>(),
        hash::<Vec<(u32, u32)>>(),
        hash::<Vec<Vec<u32>>>(),
        hash::<Vec<()>>(),
        hash::<Option<u32>>(),
        hash::<Option<()>>(),
        hash::<Option<Option<u32>>>(),
        hash::<Result<u32, ()>>(),
        hash::<Result<u32, u32>>(),
        hash::<Shape>(),
        hash::<Tree>(),
        hash::<OtherTree>(),
        hash::<Even>(),
        hash::<IpAddr>(),
        hash::<SocketAddr>(),
        method(|_| {}).hash(),
        method(|schema| schema.reply::<()>()).hash(),
        method(|schema| schema.reply::<u8>()).hash(),
        method(|schema| schema.argument::<u8>("a")).hash(),
        method(|schema| {
            schema.argument::<u8>("a");
            schema.reply::<()>();
        })
        .hash(),
    ];
    let distinct: BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len(), "{hashes:#010x?}");
}

#[test]
fn how_a_recursive_shape_is_drawn_does_not_count() {
    assert_eq!(hash::<Tree>(), hash::<UnrolledTree>());
    assert_eq!(hash::<Even>(), hash::<Odd>());
    let met_before = method(|schema| {
        schema.argument::<Even>("a");
        schema.argument::<Odd>("b");
    });
    let met_after = method(|schema| {
        schema.argument::<Odd>("a");
        schema.argument::<Odd>("b");
    });
    assert_eq!(met_before.hash(), met_after.hash());
}

#[test]
fn a_type_without_finite_values_can_be_described() {
    assert_eq!(text::<Endless>(), "Endless\nstruct Endless(Endless, u8)");
    let _ = hash::<Endless>();
}

#[test]
fn the_text_spells_out_each_type_once() {
    let schema = method(|schema| {
        schema.argument::<Point>("at");
        schema.argument::<&[Shape]>("shapes");
        schema.argument::<Meter>("scale");
        schema.reply::<Result<Tree, (u8, Marker)>>();
    });
    assert_eq!(
        schema.text(),
        "(at: Point, shapes: [Shape], scale: Meter) -> Result<Tree, (u8, Marker)>\n\
         struct Point { x: i32, y: i32 }\n\
         enum Shape { 0 = Empty, 1 = Circle { center: Point, radius: u32 }, 5 = Polygon([Point]) }\n\
         struct Meter(f64)\n\
         enum Tree { 0 = Leaf, 1 = Node(Tree, [Tree]) }\n\
         struct Marker"
    );
}

#[test]
fn the_text_of_each_kind_of_type() {
    assert_eq!(text::<[u8; 4]>(), "bytes[4]");
    assert_eq!(text::<Bytes>(), "bytes");
    assert_eq!(text::<Box<str>>(), "string");
    assert_eq!(text::<[Option<usize>; 3]>(), "[Option<usize>; 3]");
    assert_eq!(text::<BTreeMap<char, BTreeSet<u8>>>(), "Map<char, Set<u8>>");
    assert_eq!(text::<(u128,)>(), "(u128,)");
    assert_eq!(text::<()>(), "()");
    assert_eq!(text::<InParts>(), "i32, i32");
    assert_eq!(text::<Vec<InParts>>(), "[(i32, i32)]");
    assert_eq!(method(|_| {}).text(), "()");
    assert_eq!(method(|schema| schema.reply::<()>()).text(), "() -> ()");
}

#[test]
fn types_that_share_a_name_are_told_apart() {
    assert_eq!(
        text::<Pair<u8>>(),
        "Pair\nstruct Pair { first: u8, second: u8 }",
        "an only instance needs no parameters"
    );
    assert_eq!(
        text::<(Pair<u8>, Pair<Vec<Point>>)>(),
        "(Pair#1, Pair#2)\n\
         struct Pair#1 { first: u8, second: u8 }\n\
         struct Pair#2 { first: [Point], second: [Point] }\n\
         struct Point { x: i32, y: i32 }"
    );
}
