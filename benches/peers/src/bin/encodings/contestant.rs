//! One value in one format, and the clock.

use core::fmt::Debug;
use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use farcall_workloads::Result;

/// How long a look at the clock may be apart from the next one.
const BATCH: Duration = Duration::from_micros(200);

/// How long something is done again and again in one repetition.
pub(crate) fn time(quick: bool) -> Duration {
    Duration::from_millis(if quick { 5 } else { 50 })
}

/// One value in one format.
pub(crate) struct Contestant {
    /// What the format is called.
    pub(crate) name: &'static str,
    /// Bytes of the encoded value.
    pub(crate) length: usize,
    /// How long it takes to encode it so many times.
    encode: Box<dyn Fn(u32) -> Duration>,
    /// How long it takes to decode it so many times.
    decode: Box<dyn Fn(u32) -> Duration>,
}

/// Nanoseconds in the middle of all batches of a repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    pub(crate) encode: f64,
    pub(crate) decode: f64,
}

impl Contestant {
    /// Makes sure that the value survives both ways.
    pub(crate) fn new<V, M>(
        name: &'static str,
        value: V,
        encode: impl Fn(&V) -> M + Copy + 'static,
        decode: impl Fn(&M) -> Result<V> + Copy + 'static,
    ) -> Result<Self>
    where
        V: PartialEq + 'static,
        M: AsRef<[u8]> + 'static,
    {
        let message = encode(&value);
        if decode(&message)? != value {
            return Err(format!("{name}: a value has changed").into());
        }
        let length = message.as_ref().len();
        let encode = move |times| {
            let start = Instant::now();
            for _ in 0..times {
                black_box(encode(black_box(&value)));
            }
            start.elapsed()
        };
        let decode = move |times| {
            let start = Instant::now();
            for _ in 0..times {
                let _ = black_box(decode(black_box(&message)));
            }
            start.elapsed()
        };
        Ok(Self { name, length, encode: Box::new(encode), decode: Box::new(decode) })
    }

    /// Both ways, one after the other.
    pub(crate) fn measure(&self, quick: bool) -> Timed {
        let time = time(quick);
        Timed { encode: middle(&self.encode, time), decode: middle(&self.decode, time) }
    }
}

/// Nanoseconds that it takes once, in the middle of batches.
fn middle(work: &dyn Fn(u32) -> Duration, time: Duration) -> f64 {
    // This is the warm-up, too.
    let mut times = 1;
    while work(times) < BATCH {
        times *= 2;
    }
    let mut batches = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time || batches.is_empty() {
        batches.push(work(times).as_secs_f64() * 1e9 / f64::from(times));
    }
    farcall_workloads::Spread::of(batches).median
}
