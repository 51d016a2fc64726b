//! What encoding and decoding cost, without anything around it.
//!
//! `cargo bench --bench marshal`. Throughput is in bytes of the encoding.

use core::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use farcall::{Marshal, Reader, Unmarshal, Writer};

/// A fixed layout of scalars.
#[derive(Clone, Debug, PartialEq, Marshal)]
struct Sample {
    id: u64,
    kind: Kind,
    position: (f64, f64, f64),
    is_valid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Marshal)]
enum Kind {
    Idle,
    Moving { speed: f32 },
}

/// Strings and lists of them, as control messages have.
#[derive(Clone, Debug, PartialEq, Marshal)]
struct Job {
    name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    directory: Option<String>,
}

fn encode<T: Marshal + ?Sized>(value: &T, capacity: usize) -> bytes::Bytes {
    let mut writer = Writer::with_capacity(capacity);
    value.marshal(&mut writer);
    writer.finish().expect("it can be encoded")
}

fn decode<'a, T: Unmarshal<'a>>(encoded: &'a bytes::Bytes) -> T {
    let mut reader = Reader::of_message(encoded);
    let value = T::unmarshal(&mut reader).expect("it was encoded just before");
    reader.finish().expect("nothing follows");
    value
}

/// Measures both directions for one value, after making sure that it survives them.
fn both<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, value: &T)
where
    T: Marshal + for<'a> Unmarshal<'a> + PartialEq + core::fmt::Debug,
{
    let encoded = encode(value, 64);
    assert_eq!(decode::<T>(&encoded), *value, "{name} does not survive");
    group.throughput(Throughput::Bytes(encoded.len() as u64));
    let length = encoded.len();
    group.bench_function(format!("{name}/encode"), |bencher| {
        bencher.iter(|| encode(black_box(value), length));
    });
    group.bench_function(format!("{name}/decode"), |bencher| {
        bencher.iter(|| decode::<T>(black_box(&encoded)));
    });
}

fn scalars(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scalars");
    both(&mut group, "two i32", &(1_i32, -2_i32));
    let sample = Sample {
        id: 7,
        kind: Kind::Moving { speed: 2.5 },
        position: (1.0, -2.0, 3.5),
        is_valid: true,
    };
    both(&mut group, "struct", &sample);
    both(&mut group, "1,000 structs", &vec![Sample { kind: Kind::Idle, ..sample }; 1000]);
    group.finish();
}

fn numbers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("numbers");
    both(&mut group, "10,000 u32", &(0..10_000).collect::<Vec<u32>>());
    both(&mut group, "10,000 u64", &(0..10_000).collect::<Vec<u64>>());
    both(&mut group, "10,000 f64", &(0..10_000).map(f64::from).collect::<Vec<f64>>());
    group.finish();
}

fn text(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("text");
    both(&mut group, "string of 16", &"sixteen letters.".to_owned());
    both(&mut group, "string of 64 KiB", &"sixteen letters.".repeat(4096));
    both(&mut group, "1,000 strings of 16", &vec!["sixteen letters.".to_owned(); 1000]);
    let pair = |number: i32| (format!("VARIABLE_{number}"), format!("value {number}"));
    let job = Job {
        name: "compile".to_owned(),
        arguments: (0..12).map(|number| format!("--option={number}")).collect(),
        environment: (0..24).map(pair).collect(),
        directory: Some("/srv/work".to_owned()),
    };
    both(&mut group, "struct of strings", &job);
    group.finish();
}

fn opaque(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bytes");
    both(&mut group, "Vec<u8> of 1 KiB", &vec![7_u8; 1 << 10]);
    both(&mut group, "Vec<u8> of 1 MiB", &vec![7_u8; 1 << 20]);
    both(&mut group, "Bytes of 1 MiB", &bytes::Bytes::from(vec![7_u8; 1 << 20]));
    group.finish();
}

criterion_group!(benches, scalars, numbers, text, opaque);
criterion_main!(benches);
