//! Live updates: how much memory an idle socket takes, how fast one event reaches everybody, and what remains of that
//! while thousands of orders move. The limit is the bare broadcaster, on the same machine in the same run.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};

use crate::Result;
use crate::bare::Faults;
use crate::delays::Delays;
use crate::http::Client;
use crate::machine::Since;
use crate::moves::{self, Moved, Pace};
use crate::process::{self, Server};
use crate::run::{Context, say};
use crate::stalled::Stalled;
use crate::table::{Goal, Row, median};
use crate::tracker::World;
use crate::watch::{Report, Watch, now};
use crate::watchers::Watchers;

pub const OUR_PATH: &str = "/api/v1/live";
pub const BARE_PATH: &str = "/live";

/// Longer than the server waits before its first heartbeats: an idle socket is one that has had them.
const SETTLING: Duration = Duration::from_secs(22);
/// Between two events: what one leaves behind is not the next one's.
const PAUSE: Duration = Duration::from_millis(200);
const WARM_UP: usize = 2;
/// About as long as it takes until one of them is closed: there is always one.
const A_STALLED_ONE_EVERY: Duration = Duration::from_millis(3500);
/// How long the last deliveries of a pass may take: the repair's period, and more.
const LATE_LIMIT: Duration = Duration::from_secs(10);

struct Sizes {
    idle_sockets: usize,
    idle_rounds: usize,
    watchers: usize,
    events: usize,
    rounds: usize,
    orders: usize,
    pace: Pace,
}

impl Sizes {
    fn of(is_quick: bool) -> Sizes {
        if is_quick {
            Sizes {
                idle_sockets: 1000,
                idle_rounds: 1,
                watchers: 1000,
                events: 5,
                rounds: 2,
                orders: 1000,
                pace: Pace { a_second: 500, lasting: Duration::from_secs(3) },
            }
        } else {
            Sizes {
                idle_sockets: 15_000,
                idle_rounds: 5,
                watchers: 10_000,
                events: 20,
                rounds: 7,
                orders: 10_000,
                pace: Pace { a_second: 2000, lasting: Duration::from_secs(10) },
            }
        }
    }
}

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let sizes = Sizes::of(context.is_quick);
    let orders = sizes.idle_sockets.max(sizes.orders);
    say(&format!("creating {orders} orders"));
    let mut world = World::create(&context.settings, orders).await?;
    let mut rows = vec![memory(context, &world, &sizes).await?];
    rows.extend(fan_out(context, &mut world, &sizes).await?);
    rows.extend(while_orders_move(context, &mut world, &sizes).await?);
    Ok(rows)
}

// ---- Memory ----

/// Each socket with a subscription to an order of its own, which takes more than one order for all.
async fn memory(context: &Context, world: &World, sizes: &Sizes) -> Result<Row> {
    let count = sizes.idle_sockets;
    let watches = world.watches(count);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 1..=sizes.idle_rounds {
        let (our_server, our_before, mut our_watchers) =
            idle(context.settings.start_server().await?, OUR_PATH, &watches).await?;
        let (bare_server, bare_before, mut bare_watchers) = idle(start_bare().await?, BARE_PATH, &watches).await?;
        tokio::time::sleep(SETTLING).await;
        let per_socket = |server: &Server, before: u64| -> Result<f64> {
            Ok(server.memory()?.saturating_sub(before) as f64 / count as f64 / 1000.0)
        };
        ours.push(per_socket(&our_server, our_before)?);
        bare.push(per_socket(&bare_server, bare_before)?);
        let through: Vec<i32> = watches.iter().map(|watch| watch.after).collect();
        for watchers in [&mut our_watchers, &mut bare_watchers] {
            must_be_clean(&watchers.report(&through).await?)?;
        }
        our_server.stop().await?;
        bare_server.stop().await?;
        say(&format!(
            "{count} idle sockets, round {round}: {:.1} kB each, bare {:.1} kB",
            ours[round - 1],
            bare[round - 1]
        ));
    }
    Ok(Row::plain(
        format!("memory of an idle socket, of {}", thousands(count)),
        format!("{:.1} kB", median(&ours)),
        format!("{:.1} kB", median(&bare)),
        ratios(&ours, &bare),
        Goal::AtMost(1.4),
    ))
}

async fn idle(server: Server, path: &str, watches: &[Watch]) -> Result<(Server, u64, Watchers)> {
    let before = server.memory()?;
    let watchers = Watchers::open(server.address, path, watches, false).await?;
    Ok((server, before, watchers))
}

// ---- One event for everybody ----

/// One round of one side.
struct FanOut {
    /// From the moment at which the request was sent until the last watcher had the event, of each event.
    to_the_last_ms: Vec<f64>,
    /// The same from the time in the event, which is the transaction's; nothing for the bare one.
    since_recorded_ms: Vec<f64>,
    deliveries_a_cpu_second: f64,
    event_bytes: f64,
}

async fn fan_out(context: &mut Context, world: &mut World, sizes: &Sizes) -> Result<Vec<Row>> {
    let mut ours: Vec<FanOut> = Vec::new();
    let mut bare: Vec<FanOut> = Vec::new();
    let mut frame = None;
    for round in 1..=sizes.rounds {
        // Whatever else the machine does hits both alike, now before and now after the other. Ours begins, and shows what
        // the bare one is to send.
        let frame = match &frame {
            None => {
                let (side, learnt) = our_fan_out(context, world, sizes).await?;
                ours.push(side);
                bare.push(bare_fan_out(&learnt, sizes).await?);
                frame.insert(learnt)
            }
            Some(known) if round % 2 == 0 => {
                bare.push(bare_fan_out(known, sizes).await?);
                ours.push(our_fan_out(context, world, sizes).await?.0);
                known
            }
            Some(known) => {
                ours.push(our_fan_out(context, world, sizes).await?.0);
                bare.push(bare_fan_out(known, sizes).await?);
                known
            }
        };
        let (our, bare) = (&ours[round - 1], &bare[round - 1]);
        if (our.event_bytes / bare.event_bytes - 1.0).abs() > 0.05 {
            return Err(format!("the bare one sends other frames, such as {}", frame.with(1)).into());
        }
        say(&format!(
            "one event to {} watchers, round {round}: {:.1} ms ({:.1} since it was recorded), bare {:.1} ms; \
             {:.0} deliveries a CPU-second, bare {:.0}; {:.0} bytes each",
            sizes.watchers,
            median(&our.to_the_last_ms),
            median(&our.since_recorded_ms),
            median(&bare.to_the_last_ms),
            our.deliveries_a_cpu_second,
            bare.deliveries_a_cpu_second,
            our.event_bytes,
        ));
    }
    let each = |sides: &[FanOut], figure: fn(&FanOut) -> f64| sides.iter().map(figure).collect::<Vec<_>>();
    let to_the_last = |side: &FanOut| median(&side.to_the_last_ms);
    let per_cpu = |side: &FanOut| side.deliveries_a_cpu_second;
    let (our_times, bare_times) = (each(&ours, to_the_last), each(&bare, to_the_last));
    let (our_rates, bare_rates) = (each(&ours, per_cpu), each(&bare, per_cpu));
    context.notes.push(format!(
        "One event to {} watchers: the time runs from the moment at which the request is sent; ours includes the whole \
         transaction. From the time in the event, it is {:.1} ms.",
        thousands(sizes.watchers),
        median(&each(&ours, |side| median(&side.since_recorded_ms)))
    ));
    Ok(vec![
        Row::plain(
            format!("one event to {} watchers: time to the last", thousands(sizes.watchers)),
            format!("{:.0} ms", median(&our_times)),
            format!("{:.0} ms", median(&bare_times)),
            ratios(&our_times, &bare_times),
            Goal::AtMost(2.0),
        ),
        Row::plain(
            "the same: deliveries a CPU-second".to_owned(),
            format!("{:.0} k", median(&our_rates) / 1000.0),
            format!("{:.0} k", median(&bare_rates) / 1000.0),
            ratios(&our_rates, &bare_rates),
            Goal::AtLeast(0.8),
        ),
    ])
}

async fn our_fan_out(context: &Context, world: &mut World, sizes: &Sizes) -> Result<(FanOut, Frame)> {
    let server = context.settings.start_server().await?;
    world.sign_in_again(server.address).await?;
    let mut mover = Client::connect(server.address).await?;
    let order = &mut world.orders[0];
    let watches = vec![order.watch(); sizes.watchers];
    let mut watchers = Watchers::open(server.address, OUR_PATH, &watches, true).await?;
    let mut side = Side::begin(&server, sizes)?;
    for number in 0..WARM_UP + sizes.events {
        tokio::time::sleep(PAUSE).await;
        if number == WARM_UP {
            side = Side::begin(&server, sizes)?;
        }
        let sent = now();
        let answer = mover.post(&order.path(), &world.mover_token, order.next_move()).await?.json(201)?;
        let event = &answer["event"];
        let version = event["version"].as_i64().and_then(|version| version.try_into().ok()).ok_or("no version")?;
        let recorded = event["recorded_at"].as_str().and_then(|at| at.parse::<chrono::DateTime<Utc>>().ok());
        let recorded = recorded.and_then(|at| at.timestamp_nanos_opt()).ok_or("no time")?;
        order.was_moved(version);
        let last = watchers.completed(version).await?;
        side.to_the_last_ms.push(milliseconds(sent, last));
        side.since_recorded_ms.push(milliseconds(recorded.unsigned_abs(), last));
    }
    tokio::time::sleep(PAUSE).await;
    let report = watchers.report(&vec![order.version; sizes.watchers]).await?;
    let side = side.end(&server, &report)?;
    server.stop().await?;
    Ok((side, Frame(report.sample)))
}

async fn bare_fan_out(frame: &Frame, sizes: &Sizes) -> Result<FanOut> {
    let server = start_bare().await?;
    let mut sender = Client::connect(server.address).await?;
    let watches = vec![Watch { topic: "track:7K3M9Q2XTB".to_owned(), after: 0 }; sizes.watchers];
    let mut watchers = Watchers::open(server.address, BARE_PATH, &watches, true).await?;
    let mut side = Side::begin(&server, sizes)?;
    let mut version = 0;
    for number in 0..WARM_UP + sizes.events {
        tokio::time::sleep(PAUSE).await;
        if number == WARM_UP {
            side = Side::begin(&server, sizes)?;
        }
        version += 1;
        let text = frame.with(version);
        let sent = now();
        broadcast(&mut sender, &text, &Faults::default()).await?;
        side.to_the_last_ms.push(milliseconds(sent, watchers.completed(version).await?));
    }
    tokio::time::sleep(PAUSE).await;
    let report = watchers.report(&vec![version; sizes.watchers]).await?;
    let side = side.end(&server, &report)?;
    server.stop().await?;
    Ok(side)
}

/// A round under way.
struct Side {
    to_the_last_ms: Vec<f64>,
    since_recorded_ms: Vec<f64>,
    cpu_before: Duration,
    deliveries: usize,
}

impl Side {
    fn begin(server: &Server, sizes: &Sizes) -> Result<Side> {
        Ok(Side {
            to_the_last_ms: Vec::new(),
            since_recorded_ms: Vec::new(),
            cpu_before: server.cpu()?,
            deliveries: sizes.watchers * sizes.events,
        })
    }

    fn end(self, server: &Server, report: &Report) -> Result<FanOut> {
        must_be_clean(report)?;
        let cpu = server.cpu()?.saturating_sub(self.cpu_before);
        Ok(FanOut {
            to_the_last_ms: self.to_the_last_ms,
            since_recorded_ms: self.since_recorded_ms,
            deliveries_a_cpu_second: self.deliveries as f64 / cpu.as_secs_f64(),
            event_bytes: report.event_bytes as f64 / report.events.max(1) as f64,
        })
    }
}

// ---- Many orders, many watchers, many moves ----

async fn while_orders_move(context: &mut Context, world: &mut World, sizes: &Sizes) -> Result<Vec<Row>> {
    let server = context.settings.start_server().await?;
    let watches = world.watches(sizes.orders);
    let mut watchers = Watchers::open(server.address, OUR_PATH, &watches, false).await?;
    let orders: Vec<_> = world.orders.drain(..sizes.orders).collect();
    let orders = Rc::new(RefCell::new(orders));
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..=sizes.rounds {
        // A token is good for ten minutes; the passes of a round take half of one.
        world.sign_in_again(server.address).await?;
        let token = &world.mover_token;
        let pass = |with_stalled| Pass { server: &server, token, orders: &orders, pace: sizes.pace, with_stalled };
        let order = if round % 2 == 0 { [false, true] } else { [true, false] };
        for with_stalled in order {
            let done = pass(with_stalled).run(&mut watchers).await?;
            say(&format!(
                "{}: {}",
                if round == 0 { "warming up".to_owned() } else { format!("round {round}") },
                done.say()
            ));
            if round > 0 {
                if with_stalled { beside.push(done) } else { alone.push(done) }
            }
        }
    }
    server.stop().await?;
    world.orders.splice(0..0, orders.take());
    let p99 = |passes: &[Passed]| passes.iter().map(|pass| pass.delays.percentile_ms(0.99)).collect::<Vec<_>>();
    let (alone_p99, beside_p99) = (p99(&alone), p99(&beside));
    let each = |passes: &[Passed], figure: fn(&Passed) -> f64| median(&passes.iter().map(figure).collect::<Vec<_>>());
    context.notes.push(format!(
        "While orders move: {:.0} moves/s were made, answered with p99 {:.1} ms after they were due; the server used \
         {:.2} of the cores' seconds a second, and all cores were busy for {:.0} %. Beside them, there was always somebody \
         who had asked for all events of all orders and read none; all of these were closed with 4408, after {:.0} events.",
        each(&alone, |pass| pass.moved.a_second()),
        each(&alone, |pass| pass.moved.answered.percentile_ms(0.99)),
        each(&alone, |pass| pass.server_cpu),
        each(&alone, |pass| pass.busy * 100.0),
        each(&beside, |pass| pass.stalled.unwrap_or_default()),
    ));
    let (orders, pace) = (thousands(sizes.orders), thousands(sizes.pace.a_second as usize));
    Ok(vec![
        Row::plain(
            format!("{orders} orders and watchers, {pace} moves/s: p99 from commit to socket"),
            format!("{:.1} ms", median(&alone_p99)),
            "100 ms".to_owned(),
            alone_p99.iter().map(|p99| p99 / 100.0).collect(),
            Goal::AtMost(1.0),
        ),
        Row::plain(
            "the same: moves made a second".to_owned(),
            format!("{:.0}", each(&alone, |pass| pass.moved.a_second())),
            pace,
            alone.iter().map(|pass| pass.moved.a_second() / f64::from(sizes.pace.a_second)).collect(),
            Goal::AtLeast(0.98),
        ),
        Row::plain(
            "the same beside a stalled watcher of all orders: p99".to_owned(),
            format!("{:.1} ms", median(&beside_p99)),
            format!("{:.1} ms without", median(&alone_p99)),
            ratios(&beside_p99, &alone_p99),
            Goal::AtMost(1.25),
        ),
    ])
}

/// Some seconds of moving.
struct Pass<'a> {
    server: &'a Server,
    token: &'a str,
    orders: &'a Rc<RefCell<Vec<crate::tracker::Order>>>,
    pace: Pace,
    with_stalled: bool,
}

struct Passed {
    moved: Moved,
    /// From the commit to the socket; from the time in the event, to be exact, which is shortly before.
    delays: Delays,
    /// Of the server alone, in seconds a second.
    server_cpu: f64,
    /// Of all cores, between 0 and 1.
    busy: f64,
    /// How many events the stalled watchers got before they were closed, at the median.
    stalled: Option<f64>,
}

impl Pass<'_> {
    async fn run(&self, watchers: &mut Watchers) -> Result<Passed> {
        let (address, token) = (self.server.address, self.token);
        let mut stalled: Vec<Stalled> = Vec::new();
        if self.with_stalled {
            stalled.push(Stalled::open(address, token).await?);
        }
        let (cpu_before, since) = (self.server.cpu()?, Since::now()?);
        let moved = {
            let more = async {
                if !self.with_stalled {
                    return std::future::pending::<Result<()>>().await;
                }
                loop {
                    tokio::time::sleep(A_STALLED_ONE_EVERY).await;
                    stalled.push(Stalled::open(address, token).await?);
                }
            };
            tokio::select! {
                moved = moves::make(address, token, self.orders, self.pace) => moved?,
                failed = more => return Err(failed.err().unwrap_or("they go on".into())),
            }
        };
        let server_cpu = (self.server.cpu()? - cpu_before).as_secs_f64() / moved.took.as_secs_f64();
        let busy = since.busy_share()?;
        if !moved.refused.is_empty() {
            return Err(format!("moves were refused: {:?}", moved.refused).into());
        }
        let through: Vec<i32> = self.orders.borrow().iter().map(|order| order.version).collect();
        let delays = everything_delivered(watchers, &through, moved.made).await?;
        // The last one had no time to fall behind far enough; in a quick run there is no other.
        stalled.pop();
        let mut events = Vec::new();
        for one in stalled {
            match one.read_all().await? {
                (read, Some(4408)) => events.push(read as f64),
                (read, closed) => {
                    return Err(format!("a stalled watcher ends with {closed:?} after {read} events").into());
                }
            }
        }
        let stalled = (!events.is_empty()).then(|| median(&events));
        Ok(Passed { moved, delays, server_cpu, busy, stalled })
    }
}

impl Passed {
    fn say(&self) -> String {
        let stalled = match self.stalled {
            Some(events) => format!("; stalled watchers were closed after {events:.0} events"),
            None => String::new(),
        };
        format!(
            "{:.0} moves/s, {:.1} ms late at p99, answered in {:.1} ms at p99; from commit to socket p50 {:.1} ms, \
             p99 {:.1} ms, at most {:.1} ms; server {:.2} cores, all {:.0} % busy{stalled}",
            self.moved.a_second(),
            self.moved.late.percentile_ms(0.99),
            self.moved.answered.percentile_ms(0.99),
            self.delays.percentile_ms(0.5),
            self.delays.percentile_ms(0.99),
            self.delays.percentile_ms(1.0),
            self.server_cpu,
            self.busy * 100.0,
        )
    }
}

/// Waits for the last deliveries, and gives back how long each took.
async fn everything_delivered(watchers: &mut Watchers, through: &[i32], expected: u64) -> Result<Delays> {
    let deadline = tokio::time::Instant::now() + LATE_LIMIT;
    let mut delays = Delays::default();
    loop {
        let report = watchers.report(through).await?;
        delays.add(&report.delays);
        if report.is_clean() && delays.count() == expected {
            return Ok(delays);
        }
        if tokio::time::Instant::now() > deadline {
            return Err(format!("{} of {expected} delivered: {}", delays.count(), report.summary()).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

// ---- The bare broadcaster ----

async fn start_bare() -> Result<Server> {
    Server::start(process::own(&["bare"])?).await
}

pub async fn broadcast(client: &mut Client, text: &str, faults: &Faults) -> Result<()> {
    let fault = [("skip", faults.skip), ("twice", faults.twice), ("garble", faults.garble), ("close", faults.close)];
    let query = fault.iter().filter_map(|(name, number)| number.map(|number| format!("{name}={number}")));
    let path = format!("/broadcast?{}", query.collect::<Vec<_>>().join("&"));
    match client.post(&path, "", text).await?.status {
        204 => Ok(()),
        status => Err(format!("the bare broadcaster says {status}").into()),
    }
}

/// The text of an event's frame, as the server sends it.
pub struct Frame(String);

impl Frame {
    pub fn example() -> Frame {
        Frame(
            r#"{"type":"event","topic":"track:7K3M9Q2XTB","event":{"version":1,"occurred_at":"2027-01-15T08:00:00Z"}}"#
                .to_owned(),
        )
    }

    /// The same with another version, as it would have happened now.
    pub fn with(&self, version: i32) -> String {
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let text = replace_value(&self.0, r#""version":"#, &version.to_string());
        replace_value(&text, r#""occurred_at":"#, &format!("\"{at}\""))
    }
}

/// Replaces what stands after a key, up to the next comma or closing brace.
fn replace_value(text: &str, key: &str, value: &str) -> String {
    let Some((before, after)) = text.split_once(key) else { return text.to_owned() };
    let end = after.find([',', '}']).unwrap_or(after.len());
    format!("{before}{key}{value}{}", &after[end..])
}

// ---- Figures ----

fn must_be_clean(report: &Report) -> Result<()> {
    if report.is_clean() {
        Ok(())
    } else {
        Err(format!("not everything was delivered once: {}", report.summary()).into())
    }
}

/// Round by round.
fn ratios(ours: &[f64], limits: &[f64]) -> Vec<f64> {
    ours.iter().zip(limits).map(|(ours, limit)| ours / limit).collect()
}

fn milliseconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e6
}

/// 15000 as 15,000.
fn thousands(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_gets_another_version_and_time_and_stays_as_long() {
        let frame = Frame(
            r#"{"event":{"version":7,"previous_version":6,"occurred_at":"2026-11-22T10:20:30.123Z"}}"#.to_owned(),
        );
        let other = frame.with(8);
        assert!(other.starts_with(r#"{"event":{"version":8,"previous_version":6,"occurred_at":"20"#), "{other}");
        assert_eq!(other.len(), frame.0.len());
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!([2000, 15_000, 999].map(thousands), ["2,000", "15,000", "999"]);
    }
}
