use farcall::Marshal;

#[derive(Marshal)]
pub struct Store {
    #[marshal(serde = true)]
    value: u32,
}

fn main() {}
