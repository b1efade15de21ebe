//! `bench run`: everything in one run, one table at the end.

use std::rc::Rc;
use std::time::Duration;

use chrono::Utc;
use tokio::signal::unix::{SignalKind, signal};

use crate::database::Database;
use crate::table::{Goal, Row, markdown};
use crate::tracker::Settings;
use crate::{Result, lists, live, logins, machine, peer, programs, pushes, reads, scale, self_check, writes};

/// What all groups share.
pub struct Context {
    pub settings: Settings,
    /// Small and short: whether the benchmarks work, not what they find.
    pub is_quick: bool,
    /// For people who want to know more than the table says.
    pub notes: Vec<String>,
    large: Option<Rc<Database>>,
    small: Option<Rc<Database>>,
}

impl Context {
    /// The database that most is measured on; made when it is first asked for.
    pub async fn large(&mut self) -> Result<Rc<Database>> {
        let (orders, owners) = if self.is_quick { (20_000, 200) } else { (1_000_000, 10_000) };
        Self::seeded(&self.settings, &mut self.large, "large", orders, owners).await
    }

    pub async fn small(&mut self) -> Result<Rc<Database>> {
        Self::seeded(&self.settings, &mut self.small, "small", 10_000, 100).await
    }

    async fn seeded(
        settings: &Settings,
        database: &mut Option<Rc<Database>>,
        name: &str,
        orders: usize,
        owners: usize,
    ) -> Result<Rc<Database>> {
        if let Some(database) = database {
            return Ok(database.clone());
        }
        say(&format!("writing {orders} orders of {owners} owners"));
        let seeded = Rc::new(Database::seed(settings, name, orders, owners).await?);
        Ok(database.insert(seeded).clone())
    }

    /// Turns of each side that are compared.
    pub fn rounds(&self) -> usize {
        if self.is_quick { 2 } else { 5 }
    }

    /// How long one turn takes.
    pub fn turn(&self) -> Duration {
        Duration::from_secs(if self.is_quick { 1 } else { 3 })
    }
}

/// In this order: what writes comes after what reads the database as it was seeded.
const GROUPS: &[&str] = &["live", "reads", "lists", "writes", "scale", "logins", "pushes", "programs", "peer"];

pub fn run(arguments: &[&str]) -> Result<()> {
    let is_quick = arguments.contains(&"--quick");
    let chosen: Vec<&str> = arguments.iter().copied().filter(|argument| *argument != "--quick").collect();
    if let Some(unknown) = chosen.iter().find(|group| !GROUPS.contains(group)) {
        return Err(format!("{unknown}? The groups are: {}", GROUPS.join(", ")).into());
    }
    let mut groups = GROUPS.to_vec();
    groups.retain(|group| chosen.is_empty() || chosen.contains(group));
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
    let settings = Settings::from_env().await?;
    let machine = machine::describe()?;
    say(&format!("on {machine}"));
    say(&self_check::run().await?);
    let mut context = Context { settings, is_quick, notes: Vec::new(), large: None, small: None };
    let mut rows: Vec<Row> = Vec::new();
    let results = Results::new(is_quick, &machine)?;
    for group in groups {
        say(group);
        let found = match *group {
            "live" => live::measure(&mut context).await?,
            "reads" => reads::measure(&mut context).await?,
            "writes" => writes::measure(&mut context).await?,
            "lists" => lists::measure(&mut context).await?,
            "scale" => scale::measure(&mut context).await?,
            "logins" => logins::measure(&mut context).await?,
            "pushes" => pushes::measure(&mut context).await?,
            "programs" => programs::measure(&mut context).await?,
            "peer" => peer::measure(&mut context).await?,
            _ => return Err(format!("{group} is listed, and nowhere else").into()),
        };
        say(&format!("so far:\n{}", markdown(&found)));
        rows.extend(found);
        results.write(&rows, &context.notes)?;
    }
    println!("{}", results.text(&rows, &context.notes));
    let goals = rows.iter().filter(|row| !matches!(row.goal, Goal::Shown)).count();
    let missed = rows.iter().filter(|row| !row.holds()).count();
    if missed > 0 {
        return Err(format!("{missed} of {goals} goals do not hold").into());
    }
    say(&format!("all {goals} goals hold"));
    Ok(())
}

/// RESULTS.md with this run at its end, written anew after each group: what was found is kept if a later one fails.
struct Results {
    file: Option<&'static str>,
    head: String,
}

impl Results {
    fn new(is_quick: bool, machine: &str) -> Result<Results> {
        let file = (!is_quick).then_some("RESULTS.md");
        let commit = std::env::var("COMMIT").unwrap_or_default();
        let head = format!("\n## {}, {commit}\n\n{machine}\n\n", Utc::now().format("%Y-%m-%d %H:%M UTC"));
        Ok(Results { file, head })
    }

    fn text(&self, rows: &[Row], notes: &[String]) -> String {
        let notes: String = notes.iter().map(|note| format!("\n- {note}")).collect();
        format!("{}{notes}{}", markdown(rows), if notes.is_empty() { "" } else { "\n" })
    }

    fn write(&self, rows: &[Row], notes: &[String]) -> Result<()> {
        let Some(file) = self.file else { return Ok(()) };
        let written = std::fs::read_to_string(file)?;
        let before = written.split(&self.head).next().unwrap_or_default();
        Ok(std::fs::write(file, format!("{before}{}{}", self.head, self.text(rows, notes)))?)
    }
}

/// Progress goes to stderr: stdout is for the table.
pub fn say(text: &str) {
    eprintln!("bench: {text}");
}
