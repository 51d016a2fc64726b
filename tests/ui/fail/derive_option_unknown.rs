use farcall::Marshal;

#[derive(Marshal)]
#[marshal(rename = "x")]
pub struct Value {
    a: u8,
}

fn main() {}
