//! The program of the user guide, on an in-process network.

use farcall::{Loopback, Marshal, Outcome, Server, rpc_interface};

#[rpc_interface]
pub trait Calculator {
    fn add(&self, a: i32, b: i32) -> i32;
    fn upper(&self, text: &str) -> String;
    fn factor(&self, n: u64) -> Result<Vec<u64>, FactorError>;
    #[rpc(idempotent)]
    fn lookup(&self, key: String) -> Option<Vec<u8>>;
    #[rpc(oneway)]
    fn log(&self, line: &str);
}

#[derive(Debug, PartialEq, Marshal)]
pub enum FactorError {
    Zero,
    TooLarge { limit: u64 },
}

struct Calc;

impl Calculator for Calc {
    fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }

    fn upper(&self, text: &str) -> String {
        text.to_uppercase()
    }

    fn factor(&self, n: u64) -> Result<Vec<u64>, FactorError> {
        match n {
            0 => Err(FactorError::Zero),
            n if n > 1000 => Err(FactorError::TooLarge { limit: 1000 }),
            n => Ok((2..n).filter(|d| n % d == 0).collect()),
        }
    }

    fn lookup(&self, key: String) -> Option<Vec<u8>> {
        (!key.is_empty()).then(|| key.into_bytes())
    }

    fn log(&self, _line: &str) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Loopback::new();
    let _server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    let calc = CalculatorClient::on(&net, "calc")?;
    assert_eq!(calc.add(2, 3)?, 5);
    assert_eq!(calc.upper("text")?, "TEXT");
    assert_eq!(calc.start().factor(12).wait()?, Ok(vec![2, 3, 4, 6]));
    assert_eq!(calc.factor(1001)?, Err(FactorError::TooLarge { limit: 1000 }));
    assert_eq!(calc.lookup("key".to_owned())?, Some(b"key".to_vec()));
    calc.log("line")?;
    if let Err(error) = calc.add(1, 1) {
        match error.outcome() {
            Outcome::NotExecuted | Outcome::Executed | Outcome::Unknown => {}
        }
    }
    Ok(())
}
