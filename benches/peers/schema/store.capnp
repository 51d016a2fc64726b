# What capnp-rpc serves. `src/peers/store_capnp.rs` is made of this: see README.md.
@0xe1c5a2f0b7d94c36;

interface Store {
  add @0 (a :Int32, b :Int32) -> (sum :Int32);
  # The same bytes.
  echo @1 (data :Data) -> (data :Data);
  # Keeps the bytes until others come, and says how many they are.
  put @2 (data :Data) -> (length :UInt64);
  # The checksum of what is kept.
  checksum @3 () -> (checksum :UInt64);
}
