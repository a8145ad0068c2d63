//! What goes wrong in a call, in words for the person.

use bytes::Bytes;
use leptos::server_fn::{
    ContentType, Decodes, Encodes, Format, FormatType,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

use super::pairs::{self, Pairs};
use crate::json;

/// A refused or failed call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status; 0 when there was no answer.
    pub status: u16,
    /// One sentence: what happened and what to do.
    pub detail: String,
    /// A sentence for each field of the form that was not accepted.
    #[serde(default, rename = "errors", skip_serializing_if = "Vec::is_empty", with = "pairs")]
    pub fields: Vec<(String, String)>,
}

impl Problem {
    /// A problem with the usual sentence of its status.
    pub fn of_status(status: u16) -> Self {
        let detail = match status {
            0 => "The server cannot be reached. Check the connection and try again.",
            400 | 422 => "Something in the form was not accepted. Check it and try again.",
            401 => "E-mail or password is wrong. Check both and try again.",
            403 => "This is not allowed for you.",
            404 => "This is not there any more.",
            409 => "This exists already. Choose another one.",
            412 => "This note was changed elsewhere in the meantime. Both versions are here: choose the one to keep.",
            413 => "This is too large.",
            429 => "Too many attempts. Wait a minute and try again.",
            502..=504 => "The service cannot be reached right now. Try again in a moment.",
            _ => "Something went wrong on our side. Try again in a moment.",
        };
        Self { status, detail: detail.to_owned(), fields: Vec::new() }
    }

    /// The API does not take the session's token, and yet the session goes on.
    pub fn refused() -> Self {
        let detail = "The service does not accept your log-in right now. Try again in a moment.";
        Self { detail: detail.to_owned(), ..Self::of_status(503) }
    }

    /// Reads an error answer: problem details (RFC 9457), or the error JSON of Feathers.
    pub fn of_answer(status: u16, body: &str) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Sentence {
            detail: Option<String>,
            message: Option<String>,
        }
        // Read on its own: some APIs put a list or nothing here, and a list names no fields.
        #[derive(Default, Deserialize)]
        struct Fields {
            #[serde(with = "pairs")]
            errors: Pairs,
        }
        let Sentence { detail, message } = json::read(body).unwrap_or_default();
        let fields = json::read::<Fields>(body).unwrap_or_default().errors;
        let mut problem = Self { fields, ..Self::of_status(status) };
        // What a 5xx or a lost race says to a program helps nobody who reads it.
        if let Some(detail) = detail.or(message)
            && (400..500).contains(&status)
            && status != 412
        {
            problem.detail = detail;
        }
        problem
    }

    /// The sentence for a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(field, sentence)| (field == name).then_some(sentence.as_str()))
    }
}

/// The answers of server functions are problem details, as all errors under `/api`.
#[derive(Debug)]
pub struct ProblemJson;

impl ContentType for ProblemJson {
    const CONTENT_TYPE: &'static str = "application/problem+json";
}

impl FormatType for ProblemJson {
    const FORMAT_TYPE: Format = Format::Text;
}

impl Encodes<Problem> for ProblemJson {
    type Error = serde_json::Error;

    fn encode(problem: &Problem) -> Result<Bytes, Self::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            r#type: &'static str,
            title: &'static str,
            #[serde(flatten)]
            problem: &'a Problem,
        }
        let wire = Wire { r#type: "about:blank", title: title(problem.status), problem };
        serde_json::to_vec(&wire).map(Bytes::from)
    }
}

/// The name of a status, which is the title of a problem of no own type (RFC 9457 §4.2.1). Only the
/// server writes problems.
fn title(status: u16) -> &'static str {
    #[cfg(feature = "ssr")]
    if let Some(reason) = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()) {
        return reason;
    }
    let _ = status;
    "Error"
}

impl Decodes<Problem> for ProblemJson {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<Problem, Self::Error> {
        serde_json::from_slice(&bytes)
    }
}

impl FromServerFnError for Problem {
    type Encoder = ProblemJson;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let problem = match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => Self::of_status(400),
            ServerFnErrorErr::Request(_) => Self::of_status(0),
            _ => Self::of_status(500),
        };
        crate::respond::status(problem.status);
        problem
    }
}

#[cfg(feature = "ssr")]
impl From<vestibule::api_client::ApiError> for Problem {
    fn from(failure: vestibule::api_client::ApiError) -> Self {
        if let Some(seconds) = failure.retry_after {
            crate::respond::header(http::header::RETRY_AFTER, &seconds.to_string());
        }
        Self { status: failure.status.as_u16(), detail: failure.message, fields: failure.fields.into_iter().collect() }
    }
}

/// How a failure reaches the next page when there is no JavaScript: by the status and the names of
/// the fields in the query. The sentences are ours, so that nobody can put words on our page by a link.
pub(crate) mod query {
    use super::Problem;
    use crate::query::Query;

    /// The value of the field `error`.
    #[cfg(feature = "ssr")]
    pub(crate) fn write(problem: &Problem) -> String {
        problem.fields.iter().fold(problem.status.to_string(), |text, (name, _)| format!("{text},{name}"))
    }

    /// The problem that the query tells, if any.
    pub(crate) fn read(query: &Query) -> Option<Problem> {
        let mut parts = query.get("error")?.split(',');
        let status = parts.next()?.parse().ok().filter(|status| *status == 0 || (400..600).contains(status))?;
        let fields = parts.filter_map(|name| Some((name.to_owned(), sentence(name)?.to_owned())));
        Some(Problem { fields: fields.collect(), ..Problem::of_status(status) })
    }

    fn sentence(field: &str) -> Option<&'static str> {
        Some(match field {
            "name" => "Enter your name.",
            "email" => "This e-mail address cannot be used. Check it, or choose another one.",
            "password" => "Choose another password, of at least 8 characters.",
            "current_password" => "This is not your current password.",
            "title" => "Give the note a title, of at most 200 characters.",
            "body" => "The text is too long.",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, query};
    use crate::query::Query;

    #[test]
    fn reads_problem_details() {
        let body = r#"{"type":"about:blank","title":"Unprocessable","status":422,
            "detail":"The note cannot be saved.","errors":{"title":"Give it a title."}}"#;
        let problem = Problem::of_answer(422, body);
        assert_eq!(problem.detail, "The note cannot be saved.");
        assert_eq!(problem.field("title"), Some("Give it a title."));
        assert_eq!(problem.field("body"), None);
    }

    #[test]
    fn reads_the_errors_of_feathers() {
        let body = r#"{"name":"BadRequest","message":"validation failed","code":400,
            "className":"bad-request","errors":{"email":"is taken"}}"#;
        let problem = Problem::of_answer(400, body);
        assert_eq!((problem.status, problem.detail.as_str()), (400, "validation failed"));
        assert_eq!(problem.field("email"), Some("is taken"));
        let list = r#"{"message":"validation failed","errors":[{"keyword":"minLength"}]}"#;
        assert_eq!(Problem::of_answer(400, list).detail, "validation failed");
    }

    #[test]
    fn has_a_sentence_for_every_other_answer() {
        for body in ["", "<h1>Bad Gateway</h1>", "null", "[]", "{}", r#"{"detail":7}"#] {
            assert_eq!(Problem::of_answer(502, body), Problem::of_status(502), "{body}");
        }
        let internals = r#"{"message":"ECONNREFUSED 10.0.0.7:5432"}"#;
        assert_eq!(Problem::of_answer(500, internals), Problem::of_status(500));
    }

    #[test]
    fn takes_only_known_words_from_a_query() {
        let read = |text: &str| query::read(&Query::parse(text));
        let problem = read("error=422,title,evil").unwrap();
        assert_eq!(problem.fields.len(), 1);
        assert_eq!(problem.field("title"), Some("Give the note a title, of at most 200 characters."));
        assert_eq!(problem.detail, Problem::of_status(422).detail);
        for text in ["", "error=", "error=200", "error=Call+me", "error=9999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
