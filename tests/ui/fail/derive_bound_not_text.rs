use farcall::Marshal;

#[derive(Marshal)]
#[marshal(bound = T)]
pub struct Value<T> {
    a: T,
}

fn main() {}
