use farcall::Marshal;

#[derive(Marshal)]
#[marshal(bound = "T Clone")]
pub struct Value<T> {
    a: T,
}

fn main() {}
