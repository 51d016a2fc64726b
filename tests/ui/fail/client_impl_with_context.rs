use farcall::{CallError, Context, rpc_interface};

#[rpc_interface(client_impl)]
pub trait Store {
    fn f(&self, #[ctx] cx: &Context) -> Result<u32, CallError>;
}

fn main() {}
