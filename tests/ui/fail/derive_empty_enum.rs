use farcall::Marshal;

#[derive(Marshal)]
pub enum Nothing {}

fn main() {}
