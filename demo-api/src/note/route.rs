//! Handlers of notes.

use axum::{
    Json,
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ETAG, LOCATION},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    BODY, Note, TITLE,
    page::{Page, PageQuery},
    store,
};
use crate::{
    api::DemoApi,
    attachment,
    auth::Session,
    event::NoteChange,
    extract::{Path, Query},
    field::Fields,
    problem::Problem,
};

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// How many there are on all pages.
    total: i64,
    limit: u32,
    skip: u32,
    data: Vec<Note>,
}

/// `GET /notes`
pub async fn list(
    State(api): State<DemoApi>,
    session: Session,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listing>, Problem> {
    let page = Page::try_from(query)?;
    let (total, data) = store::list(&api.database, &session.user.id, &page).await?;
    Ok(Json(Listing { total, limit: page.limit, skip: page.skip, data }))
}

/// `POST /notes`
pub async fn create(State(api): State<DemoApi>, session: Session, mut fields: Fields) -> Result<Response, Problem> {
    let title = fields.required(&TITLE);
    let body = fields.optional(&BODY).unwrap_or_default();
    fields.finish()?;
    let now = api.clock.now();
    let note = Note::new(api.random.id(now), title, body, now);
    store::insert(api.database.writer(), &session.user.id, &note).await?;
    tell(&api, &session, &NoteChange::Created { note: &note });
    let location = HeaderValue::from_str(&format!("/notes/{}", note.id))
        .map_err(|error| Problem::internal("to name a note", &error))?;
    Ok((StatusCode::CREATED, [(LOCATION, location), tag(&note)], Json(note)).into_response())
}

/// `GET /notes/{id}`
pub async fn read(
    State(api): State<DemoApi>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let note = store::find(api.database.reader(), &session.user.id, &id).await?.ok_or_else(Problem::not_found)?;
    if note.etag().is_known_to(&headers) {
        return Ok((StatusCode::NOT_MODIFIED, [tag(&note)]).into_response());
    }
    Ok(([tag(&note)], Json(note)).into_response())
}

/// `PATCH /notes/{id}`: the fields that are given.
pub async fn change(
    State(api): State<DemoApi>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let title = fields.optional(&TITLE);
    let body = fields.optional(&BODY);
    fields.finish()?;
    let mut change = api.database.begin().await?;
    let mut note = store::find(&mut *change, &session.user.id, &id).await?.ok_or_else(Problem::not_found)?;
    note.etag().check_if_match(&headers)?;
    note.title = title.unwrap_or(note.title);
    note.body = body.unwrap_or(note.body);
    note.version += 1;
    note.updated_at = api.clock.now();
    store::update(&mut *change, &note).await?;
    change.commit().await?;
    tell(&api, &session, &NoteChange::Updated { note: &note });
    Ok(([tag(&note)], Json(note)).into_response())
}

/// `DELETE /notes/{id}`, with its attachments.
pub async fn remove(
    State(api): State<DemoApi>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let mut change = api.database.begin().await?;
    let note = store::find(&mut *change, &session.user.id, &id).await?.ok_or_else(Problem::not_found)?;
    note.etag().check_if_match(&headers)?;
    let attachments = attachment::list(&mut *change, &id).await?;
    store::delete(&mut *change, &id).await?;
    change.commit().await?;
    for attachment in attachments {
        api.files.remove(&attachment.id).await;
    }
    tell(&api, &session, &NoteChange::Deleted { id: &id });
    Ok(StatusCode::NO_CONTENT)
}

fn tag(note: &Note) -> (HeaderName, HeaderValue) {
    (ETAG, note.etag().value())
}

fn tell(api: &DemoApi, session: &Session, change: &NoteChange<'_>) {
    api.events.note_changed(api.random.id(api.clock.now()), &session.user.id, change);
}
