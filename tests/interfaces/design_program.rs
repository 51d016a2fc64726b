//! The program that the interface was designed for, with bodies.

use farcall::{Outcome, Server, rpc_interface};

#[rpc_interface]
pub trait Calculator {
    fn add(&self, a: i32, b: i32) -> i32;
    fn upper(&self, text: &str) -> String; // references are welcome in arguments
    fn factor(&self, n: u64) -> Result<Vec<u64>, FactorError>; // the application's own error stays typed
    #[rpc(idempotent)]
    fn lookup(&self, key: String) -> Option<Vec<u8>>; // may be repeated, reply not kept
    #[rpc(oneway)]
    fn log(&self, line: &str); // one datagram, no reply, no promise
}

#[derive(Debug, PartialEq, farcall::Marshal)]
pub enum FactorError {
    Zero,
}

struct Calc;

impl Calculator for Calc {
    fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }

    fn upper(&self, text: &str) -> String {
        text.to_uppercase()
    }

    fn factor(&self, mut n: u64) -> Result<Vec<u64>, FactorError> {
        if n == 0 {
            return Err(FactorError::Zero);
        }
        let mut factors = Vec::new();
        let mut divisor = 2;
        while divisor * divisor <= n {
            while n.is_multiple_of(divisor) {
                factors.push(divisor);
                n /= divisor;
            }
            divisor += 1;
        }
        if n > 1 {
            factors.push(n);
        }
        Ok(factors)
    }

    fn lookup(&self, key: String) -> Option<Vec<u8>> {
        (key == "answer").then(|| vec![42])
    }

    fn log(&self, _line: &str) {}
}

#[test]
fn runs_as_written() -> Result<(), Box<dyn std::error::Error>> {
    // server: bind, register any number of interfaces, run on this thread or in the background
    let server = Server::bind("127.0.0.1:0")?.serve(CalculatorServer::new(Calc)).spawn()?;

    // client: synchronous calls read like local ones and are always fallible
    let calc = CalculatorClient::connect(server.local_addr())?;
    assert_eq!(calc.add(2, 3)?, 5);

    // asynchronous: a handle that can be waited for, polled, cancelled, or awaited on any executor
    let p = calc.start().factor(600_851_475_143);
    let factors = p.wait()?;
    assert_eq!(factors, Ok(vec![71, 839, 1471, 6857]));

    // when it fails, the error knows what happened
    match calc.add(1, 1) {
        Ok(v) => println!("{v}"),
        Err(e) => match e.outcome() {
            Outcome::NotExecuted => { /* it did not run and never will: safe to submit again */ }
            Outcome::Executed => { /* it was entered once; its result could not be delivered */ }
            Outcome::Unknown => { /* it ran once or not at all */ }
        },
    }

    // the rest of the interface
    assert_eq!(calc.upper("text")?, "TEXT");
    assert_eq!(calc.factor(0)?, Err(FactorError::Zero));
    assert_eq!(calc.lookup("answer".to_owned())?, Some(vec![42]));
    assert_eq!(calc.lookup("question".to_owned())?, None);
    calc.log("line")?;

    // the same stubs on an in-process network; without faults it is an ordinary transport for `cargo test`
    let net = farcall::Loopback::new();
    let _server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    let calc = CalculatorClient::on(&net, "calc")?;
    assert_eq!(calc.add(2, 3)?, 5);
    Ok(())
}
