use farcall::Marshal;

#[derive(Marshal)]
pub union Both {
    a: u32,
    b: f32,
}

fn main() {}
