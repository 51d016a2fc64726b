//! The program in the documentation of the simulator.

use std::error::Error;
use std::time::Duration;

use farcall::sim::{Delay, Link, World};
use farcall::{Outcome, Server, rpc_interface};

#[rpc_interface]
trait Calculator {
    fn add(&self, a: i32, b: i32) -> i32;
}

struct Calc;

impl Calculator for Calc {
    fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }
}

#[test]
fn the_documented_scenario_is_true() -> Result<(), Box<dyn Error>> {
    let world = World::new(42);
    let server = Server::on(&world, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    let calc = CalculatorClient::on(&world.host("alice"), "calc")?;

    // Every tenth datagram is lost, and they overtake each other.
    let delay = Delay::uniform(Duration::from_millis(1), Duration::from_millis(20));
    world.set_all_links(Link { loss: 0.1, delay, ..Link::default() });
    assert_eq!(calc.add(2, 3)?, 5);

    // The server is restarted 500 ms into a call that takes a second, after it has said that it is
    // working on it.
    world.host("calc").set_service_time(Duration::from_secs(1));
    world.after(Duration::from_millis(500), |world| world.host("calc").restart());
    let error = calc.add(2, 3).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Executed);
    assert_eq!(server.local_addr().port(), 7000);
    Ok(())
}

#[test]
fn a_future_is_driven_by_the_world() -> Result<(), Box<dyn Error>> {
    let world = World::new(1);
    let _server = Server::on(&world, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    let calc = CalculatorClient::on(&world, "calc")?;
    world.host("calc").set_service_time(Duration::from_secs(1));
    let sum = world.block_on(async {
        let (one, other) = (calc.start().add(1, 2), calc.start().add(3, 4));
        Ok::<_, farcall::CallError>(one.await? + other.await?)
    })?;
    // Both at once, on two workers.
    assert_eq!(sum, 10);
    assert!(world.now() < Duration::from_millis(1_100));
    Ok(())
}

#[test]
fn a_loop_that_only_looks_gets_on_all_the_same() -> Result<(), Box<dyn Error>> {
    let world = World::new(1);
    let _server = Server::on(&world, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    let calc = CalculatorClient::on(&world, "calc")?;
    let mut pending = calc.start().add(1, 2);
    let sum = loop {
        if let Some(result) = pending.try_wait() {
            break result?;
        }
    };
    assert_eq!(sum, 3);
    Ok(())
}

/// A service that asks another one.
#[rpc_interface]
trait Front {
    fn double(&self, n: i32) -> i32;
}

struct Relay(CalculatorClient);

impl Front for Relay {
    fn double(&self, n: i32) -> i32 {
        self.0.add(n, n).expect("the back end answers")
    }
}

#[test]
fn a_handler_may_call_another_server() -> Result<(), Box<dyn Error>> {
    let world = World::new(1);
    let _back = Server::on(&world, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    let relay = Relay(CalculatorClient::on(&world.host("front"), "calc")?);
    let _front = Server::on(&world, "front")?.serve(FrontServer::new(relay)).spawn()?;
    let front = FrontClient::on(&world, "front")?;
    world.set_all_links(Link { loss: 0.2, ..Link::default() });
    for n in 0..50 {
        assert_eq!(front.double(n)?, 2 * n);
    }
    Ok(())
}

#[test]
fn a_name_that_nobody_has_is_an_error_and_not_a_silence() {
    let error = CalculatorClient::on(&World::new(1), "cacl").unwrap_err();
    assert!(matches!(error, farcall::ConnectError::NoAddress { .. }), "{error}");
}

#[test]
fn threads_may_share_a_world() -> Result<(), Box<dyn Error>> {
    let world = World::new(1);
    let _server = Server::on(&world, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    world.set_all_links(Link { loss: 0.1, ..Link::default() });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let calc = CalculatorClient::on(&world, "calc").unwrap();
            scope.spawn(move || {
                for n in 0..500 {
                    assert_eq!(calc.add(n, thread).unwrap(), n + thread);
                }
            });
        }
    });
    Ok(())
}
