//! Whatever openapi.yaml allows, and what it forbids: schemathesis makes requests of it, asks as each of the three roles, and
//! checks every answer. What it is told of us is in tests/schemathesis/. `make test` runs this by itself, after the other tests
//! (both cores are busy); `make soak` for longer.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::support::people::{PASSWORD, Person};
use crate::support::{TestApp, json};

/// Not the one in openapi.yaml's examples, with which it would be changed.
const SECRET: &str = "only the tests know";

#[tokio::test]
#[ignore = "it takes half a minute, and both cores"]
async fn a_user_asks_anything() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    uma.create_order("Sofa").await;
    asks_anything(&app, &uma).await;
}

#[tokio::test]
#[ignore = "it takes half a minute, and both cores"]
async fn a_mover_asks_anything() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    for title in ["Sofa", "Bed", "Lamp"] {
        uma.create_order(title).await;
    }
    asks_anything(&app, &max).await;
}

#[tokio::test]
#[ignore = "it takes half a minute, and both cores"]
async fn an_admin_asks_anything() {
    let app = TestApp::start().await;
    let (uma, ada) = (app.user("Uma").await, app.admin("Ada").await);
    app.mover("Max").await;
    for title in ["Sofa", "Bed", "Lamp"] {
        uma.create_order(title).await;
    }
    asks_anything(&app, &ada).await;
}

async fn asks_anything(app: &TestApp, person: &Person) {
    let passwords = json!({"current_password": PASSWORD, "new_password": SECRET});
    person.put("/me/password", passwords).await.expect(204);
    let seconds = std::env::var("SCHEMATHESIS_SECONDS").unwrap_or_else(|_| "35".to_owned());
    let limit = Duration::from_secs(seconds.parse::<u64>().expect("seconds") * 2 + 60);
    // Not twice the same, unless that is wanted: what it finds, it finds again with the seed that it prints.
    let seed = std::env::var("SCHEMATHESIS_SEED");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned()));
    command.args(["-m", "schemathesis.cli", "--config-file"]).arg(root.join("tests/schemathesis/schemathesis.toml"));
    command.arg("run").arg(root.join("openapi.yaml")).args(["--url", &app.base, "--max-time", &seconds, "--no-color"]);
    command.args(seed.iter().flat_map(|seed| ["--seed", seed.as_str()]));
    command.envs([("EMAIL", &person.email[..]), ("PASSWORD", SECRET), ("REALM", person.realm)]);
    command.env("SCHEMATHESIS_HOOKS", root.join("tests/schemathesis/hooks.py"));
    command.envs([("ORDER_TRACKER_URL", &app.base[..]), ("no_proxy", "*"), ("PYTHONDONTWRITEBYTECODE", "1")]);
    // What it leaves behind it leaves there.
    let folder = std::env::temp_dir().join(format!("ot-schemathesis-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).expect("a folder");
    command.current_dir(&folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output()).await.expect("it keeps to its time");
    std::fs::remove_dir_all(&folder).ok();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{}", said.split_once("= SUMMARY =").map_or("", |(_, summary)| summary));
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // Not that it has found nothing because it has asked nothing.
    let cases =
        said.split_once(" generated").and_then(|(before, _)| before.rsplit([' ', '\n']).next()?.parse::<u32>().ok());
    assert!(cases.is_some_and(|cases| cases > 100), "{said}");
    // Nor that it was put out in the middle. The session from before it may have ended.
    Person::logs_in(&app.base, person.realm, &person.email, SECRET).await;
}
