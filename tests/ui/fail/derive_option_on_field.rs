use farcall::Marshal;

#[derive(Marshal)]
pub struct Value {
    #[marshal(skip)]
    a: u8,
}

fn main() {}
