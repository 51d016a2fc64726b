#![no_main]

#[allow(dead_code, reason = "shared with tests")]
#[path = "../../rpc-core/tests/counting_allocator/mod.rs"]
mod counting_allocator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    farcall_core::fuzzing::arguments(bytes, counting_allocator::asked);
});
