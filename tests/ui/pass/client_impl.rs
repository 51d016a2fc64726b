//! With `client_impl` code can be generic over local and remote.

use farcall::{CallError, Loopback, Marshal, Server, rpc_interface};

#[derive(Debug, PartialEq, Marshal)]
pub enum BankError {
    Overdrawn,
    Unreachable,
}

impl From<CallError> for BankError {
    fn from(_: CallError) -> Self {
        Self::Unreachable
    }
}

type Answer<T> = Result<T, BankError>;

#[rpc_interface(client_impl)]
pub trait Bank {
    fn balance<'x>(&'x self, account: &'x str) -> Answer<u32>;
    fn start(&self, account: u32, amount: u32) -> Result<(), BankError>;
    #[cfg(any())]
    fn absent(&self) -> Missing;
    #[rpc(oneway)]
    fn log(&self, line: &str);
}

struct Vault;

impl Bank for Vault {
    fn balance(&self, account: &str) -> Answer<u32> {
        if account.is_empty() { Err(BankError::Overdrawn) } else { Ok(1) }
    }

    fn start(&self, _account: u32, _amount: u32) -> Result<(), BankError> {
        Ok(())
    }

    fn log(&self, _line: &str) {}
}

fn total(bank: &impl Bank) -> Answer<u32> {
    bank.log("total");
    bank.start(1, 2)?;
    Ok(bank.balance("a")? + bank.balance("b")?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Loopback::new();
    let bank = BankClient::on(&net, "bank")?;
    assert_eq!(total(&Vault), Ok(2));
    let _server = Server::on(&net, "bank")?.serve(BankServer::new(Vault)).spawn()?;
    assert_eq!(total(&bank), Ok(2));
    assert_eq!(Bank::balance(&bank, ""), Err(BankError::Overdrawn));
    Ok(())
}
