//! Checks what goes over the wire against openapi.yaml: every answer, and every request that was accepted.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

pub static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::load);

pub struct Contract {
    pub document: Value,
    operations: Vec<Operation>,
    problem_codes: Vec<String>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One method of one path template.
#[derive(Clone)]
pub struct Operation {
    pub id: String,
    pub method: Method,
    pub template: String,
    /// Where it stands in the document.
    pub pointer: String,
    /// Of the media type that is documented first.
    pub needs_body: bool,
}

/// An answer as it came.
pub struct Answer<'a> {
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

impl Contract {
    fn load() -> Contract {
        let text = include_str!("../../../openapi.yaml");
        let document: Value = serde_yaml_ng::from_str(text).expect("openapi.yaml is YAML");
        let mut operations = Vec::new();
        for (template, item) in document["paths"].as_object().expect("paths") {
            for name in METHODS.iter().filter(|name| item.get(**name).is_some()) {
                let operation = &item[*name];
                operations.push(Operation {
                    id: operation["operationId"].as_str().expect("every operation has an operationId").to_owned(),
                    method: name.to_uppercase().parse().expect("a method"),
                    template: template.clone(),
                    pointer: format!("/paths/{}/{name}", template.replace('~', "~0").replace('/', "~1")),
                    needs_body: operation.get("requestBody").is_some(),
                });
            }
        }
        // `/movers/invitations` before `/movers/{mover_id}`.
        operations.sort_by_key(|operation| operation.template.matches('{').count());
        let codes = document["components"]["schemas"]["ProblemCode"]["enum"].as_array().expect("ProblemCode");
        let problem_codes = codes.iter().map(|code| code.as_str().expect("a name").to_owned()).collect();
        Contract { document, operations, problem_codes, validators: Mutex::default() }
    }

    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub fn problem_codes(&self) -> &[String] {
        &self.problem_codes
    }

    /// The operation that a request is for; `path` without its query.
    pub fn find(&self, method: &Method, path: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.method == *method && matches(&operation.template, path))
    }

    /// Panics when the answer is not one that the contract documents for this operation.
    pub fn check_answer(&self, operation: &Operation, answer: &Answer) {
        note_coverage(operation, answer);
        if let Err(violation) = self.answer_violation(operation, answer) {
            panic!(
                "{} {} ({}) broke the contract: {violation}\n{} {}",
                operation.method,
                operation.template,
                operation.id,
                answer.status,
                String::from_utf8_lossy(answer.body)
            );
        }
    }

    fn answer_violation(&self, operation: &Operation, answer: &Answer) -> Result<(), String> {
        let responses = format!("{}/responses/{}", operation.pointer, answer.status);
        let (response, pointer) =
            self.resolve(&responses).ok_or(format!("status {} is not documented", answer.status))?;
        for name in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
            let (header, _) = self.resolve(&format!("{pointer}/headers/{name}")).ok_or("a header without a schema")?;
            // In OpenAPI none is required that does not say so; here all are that don't say otherwise.
            if header["required"] != false && !answer.headers.contains_key(name) {
                return Err(format!("header {name} is missing"));
            }
        }
        if let Some(wait) = answer.headers.get("retry-after") {
            wait.to_str()
                .ok()
                .and_then(|text| text.parse::<u32>().ok())
                .ok_or("Retry-After is no number of seconds")?;
        }
        let Some(content) = response.get("content").and_then(Value::as_object) else {
            let no_body = answer.body.is_empty().then_some(());
            return no_body.ok_or("a body where none is documented".to_owned());
        };
        let media_type = media_type(answer.headers);
        if !content.contains_key(&media_type) {
            return Err(format!("media type {media_type:?} is not documented"));
        }
        if !media_type.ends_with("json") {
            return Ok(());
        }
        let body: Value =
            serde_json::from_slice(answer.body).map_err(|error| format!("the body is not JSON: {error}"))?;
        self.check_schema(&format!("{pointer}/content/{}/schema", media_type.replace('/', "~1")), &body)?;
        if media_type == "application/problem+json" {
            self.problem_violation(response, answer.status, &body)?;
        }
        Ok(())
    }

    /// Beyond the schema: the status is repeated truly, and the code is one that this response's description lists.
    fn problem_violation(&self, response: &Value, status: u16, problem: &Value) -> Result<(), String> {
        if problem["status"] != status {
            return Err(format!("the problem says status {}", problem["status"]));
        }
        let description = response["description"].as_str().unwrap_or_default();
        let listed: Vec<&str> = description
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| self.problem_codes.iter().any(|code| code == word))
            .collect();
        let code = problem["code"].as_str().unwrap_or_default();
        if !listed.is_empty() && !listed.contains(&code) {
            return Err(format!("code {code} is not among those documented for {status}: {listed:?}"));
        }
        if code == "validation_failed" && problem["errors"].as_array().is_none_or(Vec::is_empty) {
            return Err("validation_failed without errors".to_owned());
        }
        Ok(())
    }

    /// Panics when a body that the server accepted is not what the contract asks for.
    pub fn check_accepted_request(&self, operation: &Operation, media_type: &str, body: &Value) {
        let content = format!("{}/requestBody", operation.pointer);
        let (request_body, pointer) =
            self.resolve(&content).unwrap_or_else(|| panic!("{} takes no body", operation.id));
        assert!(
            request_body["content"].get(media_type).is_some(),
            "{} accepted {media_type}, which is not documented",
            operation.id
        );
        let schema = format!("{pointer}/content/{}/schema", media_type.replace('/', "~1"));
        if let Err(violation) = self.check_schema(&schema, body) {
            panic!("{} accepted what the contract forbids: {violation}\n{body}", operation.id);
        }
    }

    /// Checks against a schema of `components/schemas`.
    pub fn check_component(&self, name: &str, value: &Value) {
        if let Err(violation) = self.check_schema(&format!("/components/schemas/{name}"), value) {
            panic!("this is no {name}: {violation}\n{value}");
        }
    }

    /// Checks against the schema that stands at this pointer in the document.
    pub fn check_schema(&self, pointer: &str, value: &Value) -> Result<(), String> {
        let errors: Vec<String> = self
            .validator(pointer)
            .iter_errors(value)
            .map(|error| format!("{} at {:?}", error, error.instance_path().to_string()))
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }

    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("no test panics in here");
        let compile = || {
            let schema =
                self.document.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} in openapi.yaml"));
            let wrapped = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "allOf": [schema],
                // OpenAPI 3.1 schemas are JSON Schema 2020-12; their references start at the document.
                "components": { "schemas": self.document["components"]["schemas"] },
            });
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            Arc::new(options.build(&wrapped).unwrap_or_else(|error| panic!("the schema at {pointer}: {error}")))
        };
        validators.entry(pointer.to_owned()).or_insert_with(compile).clone()
    }

    /// What stands at a pointer and where it really stands, through a `$ref`.
    pub fn resolve(&self, pointer: &str) -> Option<(&Value, String)> {
        let found = self.document.pointer(pointer)?;
        match found.get("$ref").and_then(Value::as_str) {
            None => Some((found, pointer.to_owned())),
            Some(reference) => self.resolve(reference.strip_prefix('#').expect("references stay in the document")),
        }
    }
}

/// `TEST_COVERAGE=file` collects which operation has answered with which status and code.
fn note_coverage(operation: &Operation, answer: &Answer) {
    use std::io::Write;
    let Some(file) = std::env::var_os("TEST_COVERAGE") else { return };
    let problem: Value = serde_json::from_slice(answer.body).unwrap_or_default();
    let line = format!("{} {} {}\n", operation.id, answer.status, problem["code"].as_str().unwrap_or_default());
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    opened.and_then(|mut file| file.write_all(line.as_bytes())).expect("the coverage is written");
}

/// Without parameters such as `charset`.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(part, given)| part == given || (part.starts_with('{') && !given.is_empty()))
}
