//! The fields of a JSON body, checked one by one so that a person sees all that has to be mended.

use axum::{
    Json,
    extract::{FromRequest, Request},
};
use serde_json::{Map, Value};

use crate::problem::{FieldErrors, Problem};

/// What a text field has to be.
#[derive(Debug)]
pub struct Text {
    /// Its key in the JSON.
    pub key: &'static str,
    /// What the messages call it, with its article: "a title".
    pub noun: &'static str,
    /// Fewest characters.
    pub least: usize,
    /// Most characters.
    pub most: usize,
    /// Whether white space at both ends goes, and line breaks and other control characters are
    /// refused.
    pub line: bool,
}

impl Text {
    fn check(&self, value: &Value) -> Result<String, String> {
        let noun = self.noun;
        let text = value.as_str().ok_or("This must be text.")?;
        let text = if self.line { text.trim() } else { text };
        let length = text.chars().count();
        if length == 0 && self.least > 0 {
            return Err(self.missing());
        }
        if length < self.least {
            return Err(format!("Enter {noun} of at least {} characters.", self.least));
        }
        if length > self.most {
            return Err(format!("Enter {noun} of at most {} characters.", self.most));
        }
        if self.line && text.chars().any(char::is_control) {
            return Err(format!("Enter {noun} without line breaks or control characters."));
        }
        Ok(text.to_owned())
    }

    fn missing(&self) -> String {
        format!("Enter {}.", self.noun)
    }
}

/// A JSON object on its way to be checked. Each reader notes what is wrong; [`Fields::finish`]
/// turns that into one answer. Fields that nobody reads are ignored.
pub struct Fields {
    values: Map<String, Value>,
    errors: FieldErrors,
}

impl Fields {
    /// A field that must be there. Empty text stands in for a wrong one until [`Fields::finish`].
    pub fn required(&mut self, rule: &Text) -> String {
        match self.optional(rule) {
            Some(text) => text,
            None if self.errors.contains_key(rule.key) => String::new(),
            None => {
                self.refuse(rule.key, rule.missing());
                String::new()
            }
        }
    }

    /// A field that may be left out, or be null.
    pub fn optional(&mut self, rule: &Text) -> Option<String> {
        let value = self.values.get(rule.key).filter(|value| !value.is_null())?;
        match rule.check(value) {
            Ok(text) => Some(text),
            Err(message) => {
                self.refuse(rule.key, message);
                None
            }
        }
    }

    /// Notes that a field has to be mended. The first message for a field stays.
    pub fn refuse(&mut self, key: &'static str, message: impl Into<String>) {
        self.errors.entry(key).or_insert_with(|| message.into());
    }

    /// # Errors
    ///
    /// 422 with all that was noted.
    pub fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(self.errors)) }
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await?.0 {
            Value::Object(values) => Ok(Self { values, errors: FieldErrors::new() }),
            _ => Err(Problem::bad_request("The body must be a JSON object.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAME: Text = Text { key: "name", noun: "a name", least: 2, most: 4, line: true };

    fn fields(value: Value) -> Fields {
        let Value::Object(values) = value else { panic!("{value} is no object") };
        Fields { values, errors: FieldErrors::new() }
    }

    #[test]
    fn a_good_field_is_trimmed() {
        let mut fields = fields(json!({"name": " Ada "}));
        assert_eq!(fields.required(&NAME), "Ada");
        assert!(fields.finish().is_ok());
    }

    #[test]
    fn each_wrong_field_has_its_message() {
        for (value, message) in [
            (json!({}), "Enter a name."),
            (json!({"name": null}), "Enter a name."),
            (json!({"name": "  "}), "Enter a name."),
            (json!({"name": "A"}), "Enter a name of at least 2 characters."),
            (json!({"name": "Adaaa"}), "Enter a name of at most 4 characters."),
            (json!({"name": "A\nb"}), "Enter a name without line breaks or control characters."),
            (json!({"name": 7}), "This must be text."),
        ] {
            let mut fields = fields(value.clone());
            fields.required(&NAME);
            assert_eq!(fields.errors["name"], message, "for {value}");
        }
    }

    #[test]
    fn characters_count_and_not_bytes() {
        let mut fields = fields(json!({"name": "éèêë"}));
        assert_eq!(fields.optional(&NAME).as_deref(), Some("éèêë"));
        assert!(fields.finish().is_ok());
    }
}
