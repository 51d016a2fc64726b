use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f<'x: 'static>(&self, text: &'x str);
}

fn main() {}
