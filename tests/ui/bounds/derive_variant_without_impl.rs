use farcall::Marshal;

pub struct Missing;

#[derive(Marshal)]
pub enum Value {
    A,
    B(Missing),
}

fn main() {}
