//! The smallest service: a trait, a server, a client.
//!
//! ```text
//! cargo run --example calculator                               # both in one process, over UDP
//! cargo run --example calculator serve 127.0.0.1:4000          # or as two processes
//! cargo run --example calculator call 127.0.0.1:4000 add 2 3
//! ```

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use farcall::{CallError, Marshal, Outcome, Server, rpc_interface};

#[rpc_interface]
trait Calculator {
    fn add(&self, a: i64, b: i64) -> i64;
    fn divide(&self, a: i64, b: i64) -> Result<i64, DivisionError>;
}

/// The application's own error. It is a result like any other, and never mixed up with a failed call.
#[derive(Debug, Marshal)]
enum DivisionError {
    ByZero,
    Overflow,
}

struct Calc;

impl Calculator for Calc {
    fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    fn divide(&self, a: i64, b: i64) -> Result<i64, DivisionError> {
        if b == 0 {
            return Err(DivisionError::ByZero);
        }
        a.checked_div(b).ok_or(DivisionError::Overflow)
    }
}

/// A calculator across UDP. Without a command, server and client run in one process.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until the process is ended.
    Serve {
        /// The address to bind, such as 127.0.0.1:4000; port 0 takes any free one.
        address: String,
    },
    /// Make one call and print its result.
    Call {
        /// The address of the server, such as localhost:4000.
        address: String,
        #[command(subcommand)]
        operation: Operation,
    },
}

#[derive(Subcommand)]
enum Operation {
    /// Print A + B.
    #[command(allow_negative_numbers = true)]
    Add { a: i64, b: i64 },
    /// Print A / B, rounded towards zero.
    #[command(allow_negative_numbers = true)]
    Divide { a: i64, b: i64 },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        None => both(),
        Some(Command::Serve { address }) => serve(&address),
        Some(Command::Call { address, operation }) => call(&address, &operation),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn both() -> Result<(), Box<dyn Error>> {
    let server = Server::bind("127.0.0.1:0")?.serve(CalculatorServer::new(Calc)).spawn()?;
    println!("serving on {}", server.local_addr());
    for operation in [Operation::Add { a: 2, b: 3 }, Operation::Divide { a: 42, b: 6 }] {
        call(&server.local_addr().to_string(), &operation)?;
    }
    Ok(())
}

fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::bind(address)?.serve(CalculatorServer::new(Calc));
    println!("serving on {}", server.local_addr());
    server.run()?;
    Ok(())
}

fn call(address: &str, operation: &Operation) -> Result<(), Box<dyn Error>> {
    let calc = CalculatorClient::connect(address)?;
    match *operation {
        Operation::Add { a, b } => println!("{a} + {b} = {}", calc.add(a, b).map_err(explain)?),
        Operation::Divide { a, b } => match calc.divide(a, b).map_err(explain)? {
            Ok(quotient) => println!("{a} / {b} = {quotient}"),
            Err(DivisionError::ByZero) => return Err(format!("{a} / {b}: division by zero").into()),
            Err(DivisionError::Overflow) => return Err(format!("{a} / {b}: too large").into()),
        },
    }
    Ok(())
}

/// A failed call knows whether it ran. The match is complete, today and in every later version.
fn explain(error: CallError) -> String {
    let advice = match error.outcome() {
        Outcome::NotExecuted => "trying again is safe",
        Outcome::Executed => "do not try again: only the result is lost",
        Outcome::Unknown => "look before you try again",
    };
    format!("{error} ({advice})")
}
