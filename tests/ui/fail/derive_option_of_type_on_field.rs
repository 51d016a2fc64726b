use farcall::Marshal;

#[derive(Marshal)]
pub struct Value<T> {
    #[marshal(bound = "T: Marshal")]
    a: T,
}

fn main() {}
