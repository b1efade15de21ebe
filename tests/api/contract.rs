//! openapi.yaml itself.

use serde_json::Value;

use crate::support::contract::CONTRACT;

#[test]
fn every_example_of_a_request_is_valid() {
    let mut examples = 0;
    for operation in CONTRACT.operations() {
        let Some((body, pointer)) = CONTRACT.resolve(&format!("{}/requestBody", operation.pointer)) else { continue };
        for (media_type, content) in body["content"].as_object().expect("content") {
            let schema = format!("{pointer}/content/{}/schema", media_type.replace('/', "~1"));
            let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
            for example in content.get("example").into_iter().chain(named) {
                CONTRACT.check_schema(&schema, example).unwrap_or_else(|error| panic!("{}: {error}", operation.id));
                examples += 1;
            }
        }
    }
    assert!(examples >= 10, "only {examples} examples");
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').expect("references stay in the document");
                    assert!(CONTRACT.document.pointer(pointer).is_some(), "nothing at {reference}");
                }
                fields.values().for_each(walk);
            }
            Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(&CONTRACT.document);
}

#[test]
fn every_operation_documents_what_any_of_its_kind_may_answer() {
    for operation in CONTRACT.operations().iter().filter(|operation| operation.template.starts_with("/api/")) {
        let (described, _) = CONTRACT.resolve(&operation.pointer).expect("an operation");
        let documents = |status: &str| described["responses"].get(status).is_some();
        let security = described.get("security").unwrap_or(&CONTRACT.document["security"]);
        let needs_token =
            !security.as_array().expect("security").iter().any(|way| way.as_object().is_some_and(|way| way.is_empty()));
        assert!(!needs_token || documents("401"), "{} documents no 401", operation.id);
        for status in ["429", "503"] {
            assert!(documents(status), "{} documents no {status}", operation.id);
        }
        for status in ["400", "413", "415", "422"] {
            assert!(!operation.needs_body || documents(status), "{} documents no {status}", operation.id);
        }
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let mut names: Vec<_> = CONTRACT.operations().iter().map(|operation| &operation.id).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), CONTRACT.operations().len());
}
