//! Who is killed and stopped, and when.

use core::time::Duration;
use std::time::{Duration as StdDuration, Instant};

use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};

use super::stage::Stage;
use crate::arguments::{Fault, Plan};
use crate::interface::mix;

/// The longest pause between a kill and the next process.
const LONGEST_PAUSE: f64 = 1.0;
/// The shortest and the longest stop, in seconds.
const STOPS: (f64, f64) = (0.1, 5.0);
/// How often the bar is drawn.
const DRAWING: StdDuration = StdDuration::from_millis(250);

/// One kind of disaster, with random decisions of its own, so that they do not depend on what else happens
/// in between.
struct Trouble {
    random: Rng,
    mean: f64,
    next: Instant,
}

impl Trouble {
    fn new(seed: u64, mean: f64) -> Self {
        let mut trouble = Self { random: Rng::with_seed(seed), mean, next: Instant::now() };
        trouble.put_off();
        trouble
    }

    /// Half the mean to one and a half of it.
    fn put_off(&mut self) {
        let seconds = self.mean * (0.5 + self.random.f64());
        self.next = Instant::now() + Duration::from_secs_f64(seconds);
    }

    fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    fn pause(&mut self) -> Duration {
        // Often none at all.
        let pause = (self.random.f64() * 2.0 - 1.0).max(0.0) * LONGEST_PAUSE;
        Duration::from_secs_f64(pause)
    }

    fn stop(&mut self) -> Duration {
        let (shortest, longest) = STOPS;
        Duration::from_secs_f64(shortest * (longest / shortest).powf(self.random.f64()))
    }
}

/// Lets disasters happen until their time is over.
pub(super) fn strike(stage: &mut Stage, plan: &Plan, seed: u64) -> Result<(), String> {
    let mut server_kills = Trouble::new(mix(seed ^ 2), plan.kill_every);
    let mut client_kills = Trouble::new(mix(seed ^ 3), plan.kill_every);
    let mut stops = Trouble::new(mix(seed ^ 4), plan.stop_every);
    let is_on = |fault| !plan.without.contains(&fault);
    let (kills_are_on, stops_are_on) = (is_on(Fault::Kills), is_on(Fault::Stops));
    let start = Instant::now();
    let mut bar = Bar::new(plan.duration());
    let is_over = |stage: &Stage| {
        let tally = &stage.tally;
        let least = if kills_are_on { plan.least_kills } else { 0 };
        start.elapsed() >= plan.duration() && tally.server_kills.min(tally.client_kills) >= least
    };
    while !is_over(stage) {
        stage.tick()?;
        // A kill waits until there is somebody to be killed.
        if kills_are_on && server_kills.is_due() && stage.server.process().is_some() {
            let pause = server_kills.pause();
            // One of eight is asked to end some time before the next one is killed.
            if server_kills.random.u8(..8) == 0 {
                stage.restart_server();
                server_kills.put_off();
                continue;
            }
            stage.kill_server(pause).map_err(|error| error.to_string())?;
            server_kills.put_off();
        }
        if kills_are_on && client_kills.is_due() {
            let client = client_kills.random.usize(..stage.clients.len());
            let pause = client_kills.pause();
            stage.kill_client(client, pause)?;
            client_kills.put_off();
        }
        if stops_are_on && stops.is_due() {
            stop(stage, &mut stops).map_err(|error| error.to_string())?;
            stops.put_off();
        }
        bar.draw(start.elapsed(), stage);
    }
    stage.tally.seconds = start.elapsed().as_secs_f64();
    Ok(())
}

/// Stops the server one time of three, or else a client.
fn stop(stage: &mut Stage, stops: &mut Trouble) -> std::io::Result<()> {
    let is_server = stops.random.u8(..3) == 0;
    let client = stops.random.usize(..stage.clients.len());
    let time = stops.stop();
    if is_server {
        stage.tally.server_stops += u64::from(stage.server.stop(time)?);
    } else {
        stage.tally.client_stops += u64::from(stage.clients[client].0.stop(time)?);
    }
    Ok(())
}

/// How far the run has come.
struct Bar {
    bar: ProgressBar,
    drawn_at: Instant,
}

impl Bar {
    fn new(duration: Duration) -> Self {
        let bar = ProgressBar::new(duration.as_secs());
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} s  {msg}");
        bar.set_style(style.expect("the template is valid"));
        Self { bar, drawn_at: Instant::now() }
    }

    fn draw(&mut self, passed: Duration, stage: &Stage) {
        if self.drawn_at.elapsed() < DRAWING {
            return;
        }
        self.drawn_at = Instant::now();
        let tally = &stage.tally;
        self.bar.set_position(passed.as_secs());
        let (ended, kills) = (tally.ended, tally.kills());
        self.bar.set_message(format!("{ended} calls ended, {kills} kills"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
