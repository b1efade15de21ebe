//! docs/guide.md, as it stands there: the parts of one language, one below the other, are a program that works.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::process::Command;

use super::examples::python;
use crate::support::client::text;
use crate::support::people::Person;
use crate::support::receiver::Receiver;
use crate::support::{TestApp, eventually, free_port, json};

const TIME_LIMIT: Duration = Duration::from_secs(60);
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What stands in a document between fences of a language, in its order.
fn parts_of(document: &str, language: &str) -> String {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs").join(document)).expect("a document");
    let (mut parts, mut is_inside) = (String::new(), false);
    for line in text.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            is_inside = fence == language;
        } else if is_inside {
            parts.push_str(line);
            parts.push('\n');
        }
    }
    assert!(!parts.is_empty(), "{document} has nothing in {language}");
    parts
}

/// The guide's program in a language, for this server. Only the addresses are others.
struct Guide {
    app: TestApp,
    program: String,
    link: String,
}

impl Guide {
    async fn new(language: &str) -> Guide {
        let app = TestApp::start_with(|settings| _ = settings.insert("WEBHOOK_ALLOW", "127.0.0.0/8".to_owned())).await;
        let ada = app.admin("Ada").await;
        let invitation = ada.post("/movers/invitations", json!({"role": "mover"})).await.expect(201);
        let free = free_port();
        let address = app.base.strip_prefix("http://").expect("http").to_owned();
        let program = parts_of("guide.md", language)
            .replace("localhost:8080", &address)
            .replace("127.0.0.1:8000", &format!("127.0.0.1:{free}"))
            .replace("receive_webhooks.py 8000", &format!("receive_webhooks.py {free}"))
            .replace("\"127.0.0.1\", 8000", &format!("\"127.0.0.1\", {free}"))
            .replace("listen(8000", &format!("listen({free}"));
        // A number of its own: another port may have these digits.
        let mut numbers = program.split(|char: char| !char.is_ascii_digit());
        assert!(numbers.all(|number| !["8080", "8000"].contains(&number)), "{program}");
        Guide { app, program, link: text(&invitation["link"]).to_owned() }
    }

    /// What it prints to its end.
    async fn prints(&self, mut command: Command) -> String {
        command.env("LINK", &self.link).kill_on_drop(true);
        let output = tokio::time::timeout(TIME_LIMIT, command.output()).await.expect("it ends").expect("it starts");
        let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{printed}{said}");
        // It has made one order, moved it, watched it, and was told of a test.
        assert_eq!(
            self.app.database.number("SELECT count(*) FROM orders WHERE status = 'completed' AND version = 4"),
            1
        );
        assert_eq!(self.app.database.number("SELECT count(*) FROM orders"), 1);
        let verified = "SELECT count(*) FROM webhook_attempts WHERE status = 204";
        eprintln!("{printed}{said}");
        // The program may have ended before its answer is noted.
        eventually("it is noted", async || self.app.database.number(verified) == 1).await;
        let all = format!("{printed}{said}");
        for expected in ["otk_", "\"type\":\"subscribed\"", "\"status\":\"completed\"", "order.created", "webhook.test"]
        {
            assert!(all.contains(expected), "{expected} is not in {all}");
        }
        all
    }
}

#[tokio::test]
async fn its_commands_work() {
    let guide = Guide::new("sh").await;
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &guide.program]).current_dir(ROOT);
    // `python3` is the one that has what the examples need.
    if let Some(folder) = std::env::var("PYTHON").ok().as_deref().and_then(|python| Path::new(python).parent()) {
        bash.env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default()));
    }
    bash.env("PYTHONDONTWRITEBYTECODE", "1");
    guide.prints(bash).await;
}

#[tokio::test]
async fn its_python_works() {
    let guide = Guide::new("python").await;
    let mut command = python();
    command.args(["-c", &guide.program]);
    guide.prints(command).await;
}

#[tokio::test]
async fn its_typescript_works() {
    let guide = Guide::new("typescript").await;
    let folder = Path::new(ROOT).join("examples/typescript");
    // Where the libraries are found, and nobody looks for programs.
    let file = folder.join("node_modules").join(format!(".guide-{}.mts", std::process::id()));
    std::fs::write(&file, &guide.program).expect("it is written");
    let mut node = Command::new("node");
    node.args(["--experimental-websocket", "--import", "tsx"]).arg(&file).current_dir(&folder);
    guide.prints(node).await;
    std::fs::remove_file(&file).expect("it is removed");
}

/// docs/webhooks.md's functions, on a message of ours and on a forged one.
#[tokio::test]
async fn what_it_says_of_verifying_works() {
    let app = TestApp::start_with(|settings| _ = settings.insert("WEBHOOK_ALLOW", "127.0.0.0/8".to_owned())).await;
    let receiver = Receiver::start();
    let uma: Person = app.user("Uma").await;
    let webhook = uma.post("/webhooks", json!({"url": receiver.url("/")})).await.expect(201);
    let path = format!("/webhooks/{}/test", text(&webhook["id"]));
    uma.request(Method::POST, &path).await.expect(202);
    let message = receiver.receives(1).await.remove(0);
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: Value = names.iter().map(|name| ((*name).to_owned(), json!(message.headers[*name]))).collect();
    let (headers, body) = (headers.to_string(), json!(message.body).to_string());

    // The first block alone: the others show other things.
    let first = |language| {
        let parts = parts_of("webhooks.md", language);
        parts.split("\n# One statement").next().unwrap_or_default().to_owned()
    };
    let checks = format!(
        "{}\nimport json\nheaders, body = json.loads({headers:?}), json.loads({body:?})\n\
         assert received(body.encode(), headers)['type'] == 'webhook.test'\n\
         try: received(body.encode() + b' ', headers)\n\
         except WebhookVerificationError: print('verified')\n",
        first("python")
    );
    let mut in_python = python();
    in_python.args(["-c", &checks]);
    let checks = format!(
        "{}\nif (received({body}, {headers}).type !== 'webhook.test') throw new Error();\n\
         try {{ received({body} + ' ', {headers}) }} catch {{ console.log('verified'); }}\n",
        first("javascript")
    );
    let mut in_javascript = Command::new("node");
    in_javascript.args(["--input-type=module", "-e", &checks]).current_dir(Path::new(ROOT).join("examples/typescript"));
    for mut command in [in_python, in_javascript] {
        let output = command.env("WEBHOOK_SECRET", text(&webhook["secret"])).output().await.expect("it starts");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(printed, "verified\n", "{}", String::from_utf8_lossy(&output.stderr));
    }
}
