use farcall::Marshal;

pub struct Handle(std::fs::File);

#[derive(Marshal)]
pub struct Entry {
    key: String,
    handles: Vec<Handle>,
}

fn main() {}
