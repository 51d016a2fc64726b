use farcall::Marshal;

pub struct Missing;

#[derive(Marshal)]
pub struct Value {
    a: u32,
    b: Missing,
}

fn main() {}
