use farcall::Marshal;

#[derive(Marshal)]
#[marshal(serde)]
pub struct Value {
    a: u8,
}

fn main() {}
