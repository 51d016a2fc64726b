#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| farcall_core::fuzzing::simulator(bytes));
