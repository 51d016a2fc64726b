use farcall::Marshal;

#[derive(Marshal)]
pub struct Store {
    #[marshal = "serde"]
    value: u32,
}

fn main() {}
