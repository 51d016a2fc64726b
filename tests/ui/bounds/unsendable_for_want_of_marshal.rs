use farcall::{DecodeError, Reader, Unmarshal, rpc_interface};

pub struct Handle;

impl<'a> Unmarshal<'a> for Handle {
    const MIN: usize = 0;

    fn unmarshal(_: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

#[rpc_interface]
pub trait Store {
    fn put(&self, handle: Handle);
}

fn main() {}
