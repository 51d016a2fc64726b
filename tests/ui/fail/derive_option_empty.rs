use farcall::Marshal;

#[derive(Marshal)]
#[marshal]
pub struct Store {
    value: u32,
}

fn main() {}
