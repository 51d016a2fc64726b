//! Every row of the table in the documentation of `Marshal`: the bytes, their number, and what is
//! refused.

#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZero, NonZeroI128, NonZeroU8, NonZeroU32, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use farcall_core::marshal::{DecodeErrorKind as Kind, Marshal, Schema, Unmarshal, Writer};
use marshal_types::{decode, encode};

/// The value has these bytes and no others, and is within its bounds.
#[track_caller]
fn row<T>(value: T, bytes: &[u8])
where
    T: Marshal + for<'a> Unmarshal<'a> + PartialEq + Debug,
{
    assert_eq!(encode(&value), bytes);
    assert!(<T as Unmarshal<'_>>::MIN <= bytes.len());
    assert!(T::MAX.is_none_or(|max| max >= bytes.len()));
    assert_eq!(decode(bytes), Ok(value));
    for length in 0..bytes.len() {
        assert!(decode::<T>(&bytes[..length]).is_err(), "only {length} bytes");
    }
    assert_eq!(*refusal::<T>(&[bytes, &[0]].concat()).kind(), Kind::TrailingBytes { count: 1 });
}

/// All values of the type have so many bytes.
fn fixed<T: Marshal + for<'a> Unmarshal<'a>>(size: usize) {
    assert_eq!((<T as Unmarshal<'_>>::MIN, T::MAX), (size, Some(size)));
}

#[track_caller]
fn refusal<T: for<'a> Unmarshal<'a>>(bytes: &[u8]) -> farcall_core::marshal::DecodeError {
    match decode::<T>(bytes) {
        Ok(_) => panic!("it is a value"),
        Err(error) => error,
    }
}

#[track_caller]
fn refused<T: for<'a> Unmarshal<'a>>(bytes: &[u8], kind: Kind) {
    assert_eq!(*refusal::<T>(bytes).kind(), kind);
}

#[test]
fn integers() {
    row(200_u8, b"\0\0\0\xc8");
    row(0x1234_u16, b"\0\0\x12\x34");
    row(0x1234_5678_u32, b"\x12\x34\x56\x78");
    row(-2_i8, b"\xff\xff\xff\xfe");
    row(-2_i16, b"\xff\xff\xff\xfe");
    row(-2_i32, b"\xff\xff\xff\xfe");
    row(0x0123_4567_89ab_cdef_u64, b"\x01\x23\x45\x67\x89\xab\xcd\xef");
    row(-2_i64, b"\xff\xff\xff\xff\xff\xff\xff\xfe");
    row(7_usize, b"\0\0\0\0\0\0\0\x07");
    row(-2_isize, b"\xff\xff\xff\xff\xff\xff\xff\xfe");
    row(1_u128 << 64 | 2, b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02");
    row(-2_i128, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe");
    fixed::<u8>(4);
    fixed::<i16>(4);
    fixed::<usize>(8);
    fixed::<i128>(16);
    refused::<u8>(b"\0\0\x01\0", Kind::OutOfRange { type_name: "u8" });
    refused::<i16>(b"\0\0\x80\0", Kind::OutOfRange { type_name: "i16" });
}

#[test]
fn other_scalars() {
    row(1.5_f32, b"\x3f\xc0\0\0");
    row(-2.0_f64, b"\xc0\0\0\0\0\0\0\0");
    row(true, b"\0\0\0\x01");
    row('€', b"\0\0\x20\xac");
    row((), b"");
    row(PhantomData::<String>, b"");
    let bits: f64 = decode(b"\x7f\xf0\0\0\0\0\0\x01").unwrap();
    assert_eq!(encode(&bits), b"\x7f\xf0\0\0\0\0\0\x01", "a signalling NaN");
    refused::<bool>(b"\0\0\0\x02", Kind::NotABool { value: 2 });
    refused::<char>(b"\0\0\xd8\0", Kind::NotAChar { value: 0xd800 });
}

#[test]
fn numbers_with_rules() {
    row(NonZeroU32::MIN, b"\0\0\0\x01");
    row(NonZeroU8::MAX, b"\0\0\0\xff");
    row(NonZeroI128::new(-1).unwrap(), &[0xff; 16]);
    row(Some(NonZero::new(5_usize).unwrap()), b"\0\0\0\x01\0\0\0\0\0\0\0\x05");
    row(vec![NonZeroU8::MIN; 2], b"\0\0\0\x02\0\0\0\x01\0\0\0\x01");
    row(Wrapping(-1_i32), b"\xff\xff\xff\xff");
    row(Saturating(1_u8), b"\0\0\0\x01");
    row(vec![Reverse(2_u8), Reverse(1)], b"\0\0\0\x02\0\0\0\x02\0\0\0\x01");
    fixed::<NonZero<u64>>(8);
    fixed::<Wrapping<u16>>(4);
    refused::<NonZeroU32>(&[0; 4], Kind::Invalid("the number must not be zero"));
    refused::<NonZeroU8>(b"\0\0\x01\0", Kind::OutOfRange { type_name: "u8" });
    let error = refusal::<(u8, NonZero<u64>)>(&[0; 12]);
    assert_eq!((error.offset(), error.path().as_str()), (4, ".1"));
}

#[test]
fn text() {
    let bytes = b"\0\0\0\x05gr\xc3\xbcn\0\0\0".as_slice();
    row("grün".to_owned(), bytes);
    row(Box::<str>::from("grün"), bytes);
    row(Rc::<str>::from("grün"), bytes);
    row(Arc::<str>::from("grün"), bytes);
    assert_eq!(encode("grün"), bytes);
    assert_eq!(encode(&Cow::Borrowed("grün")), bytes);
    assert!(matches!(decode(bytes), Ok(Cow::Borrowed("grün"))));
    assert_eq!(decode(bytes), Ok("grün"));
    assert_eq!((String::MAX, <String as Unmarshal<'_>>::MIN), (None, 4));
    refused::<Arc<str>>(b"\0\0\0\x01\xff\0\0\0", Kind::NotUtf8 { valid_up_to: 0 });
    refused::<String>(b"\0\0\0\x01a\0\0\x01", Kind::NonZeroPadding);
}

#[test]
fn opaque() {
    let bytes = b"\0\0\0\x05\x01\x02\x03\x04\x05\0\0\0".as_slice();
    let value = [1_u8, 2, 3, 4, 5];
    row(value.to_vec(), bytes);
    row(Box::<[u8]>::from(value), bytes);
    row(Rc::<[u8]>::from(value), bytes);
    row(Arc::<[u8]>::from(value), bytes);
    row(VecDeque::from(value), bytes);
    row(Bytes::from_static(&[1, 2, 3, 4, 5]), bytes);
    row(BytesMut::from(&value[..]), bytes);
    assert_eq!(encode(&value[..]), bytes);
    assert!(matches!(decode::<Cow<'_, [u8]>>(bytes), Ok(Cow::Borrowed(found)) if *found == value));
    assert_eq!(decode(bytes), Ok(&value[..]));
    refused::<BytesMut>(b"\0\0\0\x01a\0\0\x01", Kind::NonZeroPadding);

    row(value, &bytes[4..]);
    row([[7_u8; 2]; 2], b"\x07\x07\0\0\x07\x07\0\0");
    row([0_u8; 0], b"");
    fixed::<[u8; 5]>(8);
    refused::<[u8; 3]>(b"\x01\x02\x03\x04", Kind::NonZeroPadding);
}

#[test]
fn arrays() {
    let bytes = b"\0\0\0\x02\0\0\0\x01\xff\xff\xff\xff".as_slice();
    row(vec![1_i8, -1], bytes);
    row(Box::<[i8]>::from([1, -1]), bytes);
    row(Rc::<[i8]>::from([1, -1]), bytes);
    row(Arc::<[i8]>::from([1, -1]), bytes);
    row(VecDeque::from([1_i8, -1]), bytes);
    assert_eq!(decode::<Cow<'_, [i8]>>(bytes).as_deref(), Ok(&[1, -1][..]));
    assert_eq!(encode(&Cow::Borrowed(&[1_i8, -1][..])), bytes);
    assert_eq!(encode(&[1_i8, -1][..]), bytes);
    row([1_i8, -1], &bytes[4..]);
    row(Vec::<String>::new(), &[0; 4]);
    row([String::new(), "a".to_owned()], b"\0\0\0\0\0\0\0\x01a\0\0\0");
    row([(); 3], b"");
    row::<[String; 0]>([], b"");
    fixed::<[i8; 3]>(12);
    fixed::<[u64; 0]>(0);
    // More of them than any trait of the standard library is implemented for.
    fixed::<[[u16; 1000]; 100]>(400_000);
}

#[test]
fn sets_and_maps() {
    let bytes = b"\0\0\0\x02\0\0\0\x01\0\0\0\x02".as_slice();
    row(BTreeSet::from([2_u8, 1]), bytes);
    row(HashSet::from([2_u8, 1]), bytes);
    let swapped = b"\0\0\0\x02\0\0\0\x02\0\0\0\x01".as_slice();
    assert_eq!(decode(swapped), Ok(HashSet::from([1_u8, 2])), "any order is accepted");
    assert_eq!(decode(swapped), Ok(BTreeSet::from([1_u8, 2])));
    // B-trees in the order of their keys, hashed ones in the order of the bytes of their keys.
    row(BTreeSet::from([-1_i32, 1]), b"\0\0\0\x02\xff\xff\xff\xff\0\0\0\x01");
    row(HashSet::from([-1_i32, 1]), b"\0\0\0\x02\0\0\0\x01\xff\xff\xff\xff");
    let bytes = b"\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\0".as_slice();
    row(BTreeMap::from([(1_u8, true), (2, false)]), bytes);
    row(HashMap::from([(2_u8, false), (1, true)]), bytes);
    row(vec![(1_u8, true), (2, false)], bytes);
    refused::<HashSet<u8>>(b"\0\0\0\x02\0\0\0\x01\0\0\0\x01", Kind::DuplicateKey);
    refused::<BTreeMap<u8, ()>>(b"\0\0\0\x02\0\0\0\x01\0\0\0\x01", Kind::DuplicateKey);
}

#[test]
fn compounds() {
    row(None::<u8>, &[0; 4]);
    row(Some(7_u8), b"\0\0\0\x01\0\0\0\x07");
    row(Some(None::<u8>), b"\0\0\0\x01\0\0\0\0");
    row((1_u8, "a".to_owned(), [2_u8]), b"\0\0\0\x01\0\0\0\x01a\0\0\0\x02\0\0\0");
    let bytes: Vec<u8> = (1..=12_u32).flat_map(u32::to_be_bytes).collect();
    row((1_u8, 2_u8, 3_u8, 4_u8, 5_u8, 6_u8, 7_u8, 8_u8, 9_u8, 10_u8, 11_u8, 12_u8), &bytes);
    row(Ok::<u8, String>(7), b"\0\0\0\0\0\0\0\x07");
    row(Err::<u8, bool>(true), b"\0\0\0\x01\0\0\0\x01");
    row(Box::new(7_u8), b"\0\0\0\x07");
    row(Rc::new(Arc::new(7_u8)), b"\0\0\0\x07");
    row(Cow::<'static, u8>::Owned(7), b"\0\0\0\x07");
    assert_eq!(encode(&&&7_u8), b"\0\0\0\x07");
    assert_eq!(<Option<[u8; 3]>>::MAX, Some(8));
    assert_eq!((<Box<u8>>::MAX, <Box<u8> as Unmarshal<'_>>::MIN), (None, 4));
    refused::<Option<u8>>(b"\0\0\0\x02", Kind::NotABool { value: 2 });
}

#[test]
fn enumerations_of_the_standard_library() {
    row(Ordering::Less, b"\0\0\0\0");
    row(Ordering::Equal, b"\0\0\0\x01");
    row(Ordering::Greater, b"\0\0\0\x02");
    row(Bound::Included(7_u8), b"\0\0\0\0\0\0\0\x07");
    row(Bound::Excluded(7_u8), b"\0\0\0\x01\0\0\0\x07");
    row(Bound::<u8>::Unbounded, b"\0\0\0\x02");
    row(Ok::<u8, Infallible>(7), b"\0\0\0\0\0\0\0\x07");
    let variant = |type_name, tag| Kind::UnknownVariant { type_name, tag };
    refused::<Ordering>(b"\0\0\0\x03", variant("Ordering", 3));
    refused::<Bound<u8>>(b"\0\0\0\x03", variant("Bound", 3));
    refused::<Result<u8, Infallible>>(b"\0\0\0\x01\0\0\0\0", variant("Infallible", 0));
    assert_eq!(<Result<u8, Infallible>>::MAX, Some(8));
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "it is sent all the same")]
fn ranges() {
    row(1_u8..5, b"\0\0\0\x01\0\0\0\x05");
    row(5_u8..=1, b"\0\0\0\x05\0\0\0\x01");
    row::<Range<String>>(String::new().."a".to_owned(), b"\0\0\0\0\0\0\0\x01a\0\0\0");
    fixed::<RangeInclusive<u64>>(16);
    let error = refusal::<Range<u8>>(b"\0\0\0\x01\0\0\x01\0");
    assert_eq!(error.path(), "Range.end");
}

#[test]
fn times() {
    row(Duration::new(1, 2), b"\0\0\0\0\0\0\0\x01\0\0\0\x02");
    row(Duration::MAX, b"\xff\xff\xff\xff\xff\xff\xff\xff\x3b\x9a\xc9\xff");
    row(UNIX_EPOCH, &[0; 12]);
    row(UNIX_EPOCH + Duration::from_millis(1500), b"\0\0\0\0\0\0\0\x01\x1d\xcd\x65\x00");
    row(
        UNIX_EPOCH - Duration::from_millis(1500),
        b"\xff\xff\xff\xff\xff\xff\xff\xfe\x1d\xcd\x65\x00",
    );
    row(UNIX_EPOCH - Duration::from_secs(2), b"\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\0");
    let range = |type_name| Kind::OutOfRange { type_name };
    let many = b"\0\0\0\0\0\0\0\0\x3b\x9a\xca\x00";
    refused::<Duration>(many, range("the nanoseconds of a Duration"));
    refused::<SystemTime>(many, range("the nanoseconds of a SystemTime"));
    fixed::<SystemTime>(12);
}

/// The ends of time are those of the platform.
#[test]
#[cfg(unix)]
fn the_ends_of_time() {
    let last = b"\x7f\xff\xff\xff\xff\xff\xff\xff\x3b\x9a\xc9\xff";
    row(UNIX_EPOCH + Duration::new(i64::MAX as u64, 999_999_999), last);
    let first = b"\x80\0\0\0\0\0\0\0\0\0\0\0";
    row(UNIX_EPOCH - Duration::from_secs(1 << 63), first);
}

#[test]
fn addresses() {
    row(Ipv4Addr::LOCALHOST, b"\x7f\0\0\x01");
    row(Ipv6Addr::LOCALHOST, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
    let four = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
    row(four, b"\x7f\0\0\x01\0\0\0\x50");
    let six = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 2, 3);
    let bytes = b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x50\0\0\0\x02\0\0\0\x03";
    row(six, bytes);
    row(IpAddr::V4(Ipv4Addr::LOCALHOST), b"\0\0\0\x04\x7f\0\0\x01");
    row(SocketAddr::V6(six), &[b"\0\0\0\x06", &bytes[..]].concat());
    fixed::<SocketAddrV6>(28);
    assert_eq!((IpAddr::MAX, SocketAddr::MAX), (Some(20), Some(32)));
    refused::<SocketAddrV4>(b"\x7f\0\0\x01\0\x01\0\0", Kind::OutOfRange { type_name: "u16" });
    refused::<IpAddr>(b"\0\0\0\x05", Kind::UnknownVariant { type_name: "IpAddr", tag: 5 });
}

#[test]
fn limits() {
    let mut out = Writer::new();
    out.put_count(usize::MAX);
    assert!(out.error().is_some());
    refused::<Vec<()>>(&65_537_u32.to_be_bytes(), Kind::TooManyEmptyElements);
    assert!(decode::<Vec<()>>(&65_536_u32.to_be_bytes()).is_ok());
    let deep = |levels: usize| [1_u32.to_be_bytes().repeat(levels), vec![0; 4]].concat();
    assert!(decode::<Nested>(&deep(64)).is_ok());
    refused::<Nested>(&deep(65), Kind::TooDeep);
}

/// A list as long as the number of ones in front of a zero.
struct Nested(Option<Box<Self>>);

impl Marshal for Nested {
    fn marshal(&self, out: &mut Writer) {
        self.0.marshal(out);
    }

    fn describe(schema: &mut Schema) {
        Option::<Box<Self>>::describe(schema);
    }
}

impl<'a> Unmarshal<'a> for Nested {
    const MIN: usize = 4;

    fn unmarshal(
        reader: &mut farcall_core::marshal::Reader<'a>,
    ) -> Result<Self, farcall_core::marshal::DecodeError> {
        Option::unmarshal(reader).map(Self)
    }
}
