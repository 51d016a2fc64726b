use farcall::Marshal;

#[derive(Marshal)]
#[repr(C, packed(2))]
pub struct Packed {
    a: u8,
    b: u32,
}

fn main() {}
