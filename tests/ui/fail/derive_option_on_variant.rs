use farcall::Marshal;

#[derive(Marshal)]
pub enum Value {
    #[marshal(tag = 1)]
    A,
}

fn main() {}
