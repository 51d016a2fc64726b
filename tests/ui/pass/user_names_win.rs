//! Methods with the names of everything that a stub has itself.

use farcall::{CallError, Client, Loopback, Pending, Server, Stub, rpc_interface};

#[rpc_interface]
pub trait Bank {
    fn start(&self) -> u32;
    fn connect(&self, to: u32) -> u32;
    fn on(&self) -> bool;
    fn from(&self, account: u32) -> u32;
    fn clone(&self) -> u32;
    fn new(&self) -> u32;
    fn client(&self) -> u32;
    fn from_client(&self) -> u32;
    fn interface(&self) -> u32;
    fn with_deadline(&self) -> u32;
    fn dispatch(&self) -> u32;
    fn shared(&self) -> u32;
    fn fmt(&self) -> u32;
    fn r#type(&self) -> u32;
    fn drop(&self, call: u32, inner: u32, out: u32, reader: u32) -> u32;
}

struct Vault;

#[rustfmt::skip]
impl Bank for Vault {
    fn start(&self) -> u32 { 1 }
    fn connect(&self, to: u32) -> u32 { to }
    fn on(&self) -> bool { true }
    fn from(&self, account: u32) -> u32 { account }
    fn clone(&self) -> u32 { 5 }
    fn new(&self) -> u32 { 6 }
    fn client(&self) -> u32 { 7 }
    fn from_client(&self) -> u32 { 8 }
    fn interface(&self) -> u32 { 9 }
    fn with_deadline(&self) -> u32 { 10 }
    fn dispatch(&self) -> u32 { 11 }
    fn shared(&self) -> u32 { 12 }
    fn fmt(&self) -> u32 { 13 }
    fn r#type(&self) -> u32 { 14 }
    fn drop(&self, call: u32, inner: u32, out: u32, reader: u32) -> u32 { call + inner + out + reader }
}

fn calls(bank: &BankClient) -> Result<(), CallError> {
    assert_eq!(bank.start()?, 1);
    assert_eq!(bank.connect(2)?, 2);
    assert!(bank.on()?);
    assert_eq!(bank.from(4)?, 4);
    assert_eq!(bank.clone()?, 5);
    assert_eq!(bank.new()?, 6);
    assert_eq!(bank.client()?, 7);
    assert_eq!(bank.dispatch()?, 11);
    assert_eq!(bank.r#type()?, 14);
    assert_eq!(bank.drop(1, 2, 3, 4)?, 10);
    let pending: Pending<u32> = Stub::start(bank).start();
    assert_eq!(pending.wait()?, 1);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Loopback::new();
    let _server = Server::on(&net, "bank")?.serve(BankServer::new(Vault)).spawn()?;
    let bank = <BankClient as Stub>::on(&net, "bank")?;
    calls(&bank)?;
    let client: &Client = Stub::client(&bank);
    calls(&client.into())?;
    calls(&client.stub::<BankClient>())?;
    calls(&Clone::clone(&bank))?;
    Ok(())
}
