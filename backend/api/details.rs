//! Reading an order's details: all of them for a new order, some of them in a merge patch (RFC 7396).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::forms::{Form, describe};
use crate::domain::account::NAME_MAX;
use crate::domain::order::{Details, METADATA_KEYS_MAX};
use crate::domain::text::line;

/// The details of a new order; what is wrong is noted in the form.
pub fn read_new(form: &mut Form) -> Details {
    let patch = read(form, true);
    if !matches!(patch.title, Some(Some(_))) && !form.has_violation("title") {
        form.refuse("title", "missing", "is required");
    }
    let mut details = Details::new("");
    patch.apply(&mut details);
    details
}

/// A change of some details; what is wrong is noted in the form.
pub fn read_patch(form: &mut Form) -> DetailsPatch {
    let patch = read(form, false);
    if matches!(patch.title, Some(None)) {
        form.refuse("title", "missing", "can't be removed");
    }
    patch
}

/// What a form says of an order's details: absent, null or a value.
#[derive(Debug, Clone, Default)]
pub struct DetailsPatch {
    title: Option<Option<String>>,
    description: Option<Option<String>>,
    reference: Option<Option<String>>,
    /// Null takes both away.
    recipient_name: Option<Option<String>>,
    recipient_phone: Option<Option<String>>,
    pickup_address: Option<Option<String>>,
    delivery_address: Option<Option<String>>,
    due_at: Option<Option<DateTime<Utc>>>,
    clears_metadata: bool,
    metadata: Option<BTreeMap<String, Option<String>>>,
    public_tracking: Option<bool>,
}

impl DetailsPatch {
    /// As RFC 7396 has it: null removes, an object merges, anything else replaces.
    pub fn apply(self, details: &mut Details) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut details.title, self.title.flatten());
        set(&mut details.description, self.description);
        set(&mut details.reference, self.reference);
        set(&mut details.recipient_name, self.recipient_name);
        set(&mut details.recipient_phone, self.recipient_phone);
        set(&mut details.pickup_address, self.pickup_address);
        set(&mut details.delivery_address, self.delivery_address);
        set(&mut details.due_at, self.due_at);
        set(&mut details.public_tracking, self.public_tracking);
        if self.clears_metadata {
            details.metadata.clear();
        }
        for (key, value) in self.metadata.into_iter().flatten() {
            match value {
                Some(value) => details.metadata.insert(key, value),
                None => details.metadata.remove(&key),
            };
        }
    }
}

fn read(form: &mut Form, is_new: bool) -> DetailsPatch {
    let mut patch = DetailsPatch {
        title: form.optional("title", |text| line(text, 120)),
        description: form.optional_paragraph("description", 2000),
        reference: form.optional_line("reference", 64),
        pickup_address: form.optional_paragraph("pickup_address", 300),
        delivery_address: form.optional_paragraph("delivery_address", 300),
        due_at: form.optional_time("due_at"),
        public_tracking: form.boolean("public_tracking"),
        ..DetailsPatch::default()
    };
    match form.take("recipient") {
        None => {}
        Some(Value::Null) => (patch.recipient_name, patch.recipient_phone) = (Some(None), Some(None)),
        Some(Value::Object(fields)) => {
            let mut recipient = Form::new(fields, form.pointer_to("recipient"));
            patch.recipient_name = recipient.optional_line("name", NAME_MAX);
            patch.recipient_phone = recipient.optional_line("phone", 40);
            form.absorb(recipient);
        }
        Some(_) => form.refuse("recipient", "wrong_type", "must be an object or null"),
    }
    match form.take("metadata") {
        None => {}
        Some(Value::Null) => patch.clears_metadata = true,
        Some(Value::Object(fields)) => patch.metadata = Some(read_metadata(form, fields, is_new)),
        Some(_) => form.refuse("metadata", "wrong_type", "must be an object or null"),
    }
    patch
}

fn read_metadata(
    form: &mut Form,
    fields: serde_json::Map<String, Value>,
    is_new: bool,
) -> BTreeMap<String, Option<String>> {
    if fields.values().filter(|value| !value.is_null()).count() > METADATA_KEYS_MAX {
        form.refuse("metadata", "too_many", format!("must have at most {METADATA_KEYS_MAX} keys"));
    }
    let mut entries = Form::new(fields.clone(), form.pointer_to("metadata"));
    let mut metadata = BTreeMap::new();
    for (key, value) in fields {
        entries.take(&key);
        if key.trim() != key {
            entries.refuse(&key, "invalid_characters", "the key begins or ends with a blank");
        } else if let Err(flaw) = line(&key, 40) {
            let (code, detail) = describe(&flaw);
            entries.refuse(&key, code, format!("the key {detail}"));
        }
        match value {
            Value::Null if !is_new => _ = metadata.insert(key, None),
            Value::String(text) if text.chars().count() > 200 => {
                entries.refuse(&key, "too_long", "must have at most 200 characters");
            }
            Value::String(text) if text.contains('\0') => {
                entries.refuse(&key, "invalid_characters", "has control characters in it");
            }
            Value::String(text) => _ = metadata.insert(key, Some(text)),
            _ => entries.refuse(&key, "wrong_type", "must be a string"),
        }
    }
    form.absorb(entries);
    metadata
}
