//! `/notes/{id}/attachments`: the list, and the upload.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{Attachment, store};
use crate::{
    api::DemoApi,
    auth::Session,
    extract::{Path, Query},
    note,
    problem::Problem,
};

const LONGEST_NAME: usize = 200;
const LONGEST_CONTENT_TYPE: usize = 200;
const ANY_CONTENT: &str = "application/octet-stream";

/// `GET /notes/{id}/attachments`
pub async fn list(
    State(api): State<DemoApi>,
    session: Session,
    Path(note): Path<String>,
) -> Result<Json<Vec<Attachment>>, Problem> {
    check_note(&api, &session, &note).await?;
    Ok(Json(store::list(api.database.reader(), &note).await?))
}

#[derive(Debug, Deserialize)]
pub struct UploadQuery {
    name: Option<String>,
}

/// `POST /notes/{id}/attachments?name=`: the body is the file.
pub async fn create(
    State(api): State<DemoApi>,
    session: Session,
    Path(note_id): Path<String>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let name = checked_name(query.name.as_deref().unwrap_or_default())?;
    check_note(&api, &session, &note_id).await?;
    let now = api.clock.now();
    let id = api.random.id(now);
    let size = api.files.receive(&id, announced_size(&headers), body).await?;
    let attachment = Attachment {
        id,
        note_id,
        name,
        content_type: content_type(&headers),
        size: size.cast_signed(),
        created_at: now,
    };
    if let Err(error) = store::insert(api.database.writer(), &attachment).await {
        api.files.remove(&attachment.id).await;
        return Err(match error {
            // The note was deleted while its attachment was on its way.
            sqlx::Error::Database(error) if error.is_foreign_key_violation() => Problem::not_found(),
            error => error.into(),
        });
    }
    let path = format!("/notes/{}/attachments/{}", attachment.note_id, attachment.id);
    let location = HeaderValue::from_str(&path).map_err(|error| Problem::internal("to name an attachment", &error))?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(attachment)).into_response())
}

async fn check_note(api: &DemoApi, session: &Session, note: &str) -> Result<(), Problem> {
    let note = note::find(api.database.reader(), &session.user.id, note).await?;
    note.map(|_| ()).ok_or_else(Problem::not_found)
}

fn checked_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    let message = if name.is_empty() {
        "Give the file's name in the query, like `?name=picture.png`."
    } else if name.chars().count() > LONGEST_NAME {
        "Give the file a name of at most 200 characters."
    } else if name.chars().any(|character| character.is_control() || "/\\".contains(character)) {
        "Give the file a name without slashes and control characters."
    } else {
        return Ok(name.to_owned());
    };
    Err(Problem::invalid_field("name", message))
}

fn announced_size(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn content_type(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .filter(|value| value.len() <= LONGEST_CONTENT_TYPE && value.contains('/'))
        .unwrap_or(ANY_CONTENT)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_and_never_a_path() {
        assert_eq!(checked_name(" Été 2030.png ").unwrap(), "Été 2030.png");
        let long = "x".repeat(LONGEST_NAME + 1);
        for name in ["", "  ", "a/b", "..\\b", "a\nb", "a\0b", &long] {
            assert!(checked_name(name).is_err(), "{name:?} should be refused");
        }
    }

    #[test]
    fn what_is_no_media_type_is_any_content() {
        let kept = |value: &str| {
            let headers = [(CONTENT_TYPE, HeaderValue::from_str(value).unwrap())];
            content_type(&headers.into_iter().collect())
        };
        assert_eq!(kept("text/plain; charset=utf-8"), "text/plain; charset=utf-8");
        assert_eq!(kept("nonsense"), ANY_CONTENT);
        assert_eq!(kept(&format!("a/{}", "b".repeat(200))), ANY_CONTENT);
        assert_eq!(content_type(&HeaderMap::new()), ANY_CONTENT);
    }
}
