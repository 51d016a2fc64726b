use farcall::Marshal;

#[derive(Marshal)]
pub struct Store {
    done: fn(),
}

fn main() {}
