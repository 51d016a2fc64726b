//! A hundred calls in flight from one thread, awaited without an async runtime.
//!
//! ```text
//! cargo run --example async_client
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use farcall::{CallError, Server, rpc_interface};

#[rpc_interface]
trait Weather {
    /// The temperature at a station, in tenths of a degree. Asking the station takes 100 ms.
    fn temperature(&self, station: u32) -> i32;
}

struct Service;

impl Weather for Service {
    fn temperature(&self, station: u32) -> i32 {
        thread::sleep(Duration::from_millis(100));
        (station * 37 % 400) as i32 - 100
    }
}

const STATIONS: u32 = 100;

async fn mean(weather: &WeatherClient) -> Result<i32, CallError> {
    // A call is on its way as soon as it was started, whether anybody awaits it or not.
    let calls: Vec<_> = (0..STATIONS).map(|station| weather.start().temperature(station)).collect();
    let mut sum = 0;
    for call in calls {
        sum += call.await?;
    }
    Ok(sum / STATIONS as i32)
}

fn run() -> Result<(), Box<dyn Error>> {
    // Handlers are plain functions and may block; the number of workers says how many at once.
    let server = Server::builder()
        .workers(STATIONS as usize)
        .bind("127.0.0.1:0")?
        .serve(WeatherServer::new(Service))
        .spawn()?;
    let weather = WeatherClient::connect(server.local_addr())?;

    let start = Instant::now();
    // Any executor will do; this one runs a single future on this thread.
    let mean = pollster::block_on(mean(&weather))?;
    println!("{STATIONS} stations asked in {:.0?}", start.elapsed());
    println!("one after the other it would have taken {:?}", Duration::from_secs(10));
    println!("on average it is {}.{} °C", mean / 10, mean % 10);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
