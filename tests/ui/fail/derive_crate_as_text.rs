use farcall::Marshal;

#[derive(Marshal)]
#[marshal(crate = "farcall")]
pub struct Store {
    value: u32,
}

fn main() {}
