//! `bench run`: everything in one run, one table at the end.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;

use chrono::Utc;
use tokio::signal::unix::{SignalKind, signal};

use crate::table::{Row, markdown};
use crate::tracker::{Settings, World};
use crate::{Result, live, machine, self_check};

/// What all groups share.
pub struct Context {
    pub settings: Settings,
    pub world: World,
    /// Small and short: whether the benchmarks work, not what they find.
    pub is_quick: bool,
    /// For people who want to know more than the table says.
    pub notes: Vec<String>,
}

const GROUPS: &[&str] = &["live"];

pub fn run(arguments: &[&str]) -> Result<()> {
    let is_quick = arguments.contains(&"--quick");
    let groups: Vec<&str> = arguments.iter().copied().filter(|argument| *argument != "--quick").collect();
    if let Some(unknown) = groups.iter().find(|group| !GROUPS.contains(group)) {
        return Err(format!("{unknown}? The groups are: {}", GROUPS.join(", ")).into());
    }
    let groups = if groups.is_empty() { GROUPS.to_vec() } else { groups };
    actix_web::rt::System::new().block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        // All processes are killed as what holds them is dropped.
        tokio::select! {
            done = run_groups(&groups, is_quick) => done,
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
            _ = terminate.recv() => Err("terminated".into()),
            _ = hang_up.recv() => Err("nobody is there any more".into()),
        }
    })
}

async fn run_groups(groups: &[&str], is_quick: bool) -> Result<()> {
    let settings = Settings::from_env()?;
    let machine = machine::describe()?;
    say(&format!("on {machine}"));
    say(&self_check::run().await?);
    let orders = live::orders_needed(is_quick);
    say(&format!("creating {orders} orders"));
    let world = World::create(&settings, orders).await?;
    let mut context = Context { settings, world, is_quick, notes: Vec::new() };
    let mut rows: Vec<Row> = Vec::new();
    for group in groups {
        match *group {
            "live" => rows.extend(live::measure(&mut context).await?),
            _ => return Err(format!("{group} is listed, and nowhere else").into()),
        }
    }
    let mut text = markdown(&rows);
    if !context.notes.is_empty() {
        text.push('\n');
    }
    for note in &context.notes {
        writeln!(text, "- {note}")?;
    }
    println!("{text}");
    let missed = rows.iter().filter(|row| !row.holds()).count();
    if !is_quick {
        let commit = std::env::var("COMMIT").unwrap_or_default();
        let date = Utc::now().format("%Y-%m-%d %H:%M UTC");
        let mut results = OpenOptions::new().create(true).append(true).open("RESULTS.md")?;
        write!(results, "\n## {date}, {commit}\n\n{machine}\n\n{text}")?;
    }
    if missed > 0 {
        return Err(format!("{missed} of {} goals do not hold", rows.len()).into());
    }
    say(&format!("all {} goals hold", rows.len()));
    Ok(())
}

/// Progress goes to stderr: stdout is for the table.
pub fn say(text: &str) {
    eprintln!("bench: {text}");
}
