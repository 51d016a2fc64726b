use farcall::Marshal;

pub struct Handle(std::fs::File);

#[derive(Marshal)]
pub enum Entry<T> {
    Key(T),
    Open { handle: Handle },
}

fn main() {}
