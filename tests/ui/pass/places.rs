//! Traits wherever an item may stand, under every visibility and condition.
#![deny(warnings)]
use farcall::{Loopback, Server, rpc_interface};
macro_rules! make {
    ($(#[$m:meta])* $vis:vis $name:ident, $f:ident($a:ident: $ty:ty) -> $r:ty, $l:lifetime, $e:expr, $lit:literal, $tt:tt, $p:path) => {
        $(#[$m])* #[farcall::rpc_interface(name = $lit)]
        $vis trait $name { #[rpc(deadline = "1s", id = $tt)] fn $f(&self, $a: $ty) -> $r;
          fn l<$l>(&self, x: &$l [$ty; $e]) -> $p; }
    };
}
make!(/** Doc */ pub Made, f(a: u32) -> Vec<u8>, 'x, 2 + 1, "made", 7, std::string::String);
mod outer {
    pub mod mid {
        pub(in crate::outer) mod low {
            #[farcall::rpc_interface]
            pub(in crate::outer) trait In {
                fn f(&self) -> u8;
            }
            #[farcall::rpc_interface]
            pub(crate) trait Cr {
                fn f(&self) -> u8;
            }
            #[farcall::rpc_interface]
            pub(super) trait Su {
                fn f(&self) -> u8;
            }
            #[farcall::rpc_interface]
            trait Private {
                fn f(&self, x: &Hidden) -> Hidden;
            }
            #[derive(farcall::Marshal, Debug)]
            struct Hidden {
                x: u8,
            }
            #[allow(dead_code)]
            fn u(c: &PrivateClient) {
                let _ = c.f(&Hidden { x: 1 });
            }
        }
        #[allow(dead_code)]
        fn u(c: &low::SuClient) -> bool {
            c.f().is_ok()
        }
    }
    #[allow(dead_code)]
    fn u(c: &mid::low::InClient) -> bool {
        c.f().is_ok()
    }
    #[allow(dead_code)]
    fn v(c: &mid::low::CrClient) -> bool {
        c.f().is_ok()
    }
}
const N: usize = {
    #[rpc_interface]
    trait InConst {
        fn f(&self) -> u8;
    }
    3
};
#[rpc_interface]
trait Empty {}
#[rpc_interface]
trait OnlyOneway {
    #[rpc(oneway)]
    fn a(&self);
    #[rpc(oneway)]
    fn b(&self, x: &str);
}
struct E;
impl Empty for E {}
#[expect(non_camel_case_types)]
#[rpc_interface]
trait r#loop {
    fn f(&self) -> u8;
}
#[rpc_interface]
trait Cfg {
    #[cfg(any())]
    fn connect(&self);
    #[cfg(any())]
    fn start(&self);
    #[cfg(all())]
    fn on(&self);
    #[cfg(any())]
    fn gone(&self, x: Missing) -> Missing;
}
impl Cfg for E {
    fn on(&self) {}
}
#[rpc_interface]
#[cfg_attr(all(), deprecated(note = "x"))]
trait Dep {
    #[deprecated]
    fn f(&self) -> u8;
}
fn main() {
    assert_eq!(N, 3);
    #[rpc_interface]
    trait Local {
        fn f(&self, x: L) -> L;
    }
    #[derive(farcall::Marshal, PartialEq, Debug)]
    struct L(u8);
    impl Local for E {
        fn f(&self, x: L) -> L {
            x
        }
    }
    let net = Loopback::new();
    let _s = Server::on(&net, "x")
        .unwrap()
        .serve(EmptyServer::new(E))
        .serve(LocalServer::new(E))
        .serve(CfgServer::new(E))
        .spawn()
        .unwrap();
    let c = LocalClient::on(&net, "x").unwrap();
    assert_eq!(c.f(L(3)).unwrap(), L(3));
    let _ = EmptyClient::on(&net, "x").unwrap();
    let c = <CfgClient as farcall::Stub>::on(&net, "x").unwrap();
    c.on().unwrap();
    c.start().on().wait().unwrap();
    assert!(CfgClient::connect("127.0.0.1:1").is_ok());
}
