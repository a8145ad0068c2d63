//! `/notes/{id}/attachments/{attachment_id}`: the download, and the removal.

use std::io::SeekFrom;

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};
use tokio::{
    fs::File,
    io::{self, AsyncReadExt as _, AsyncSeekExt as _},
};
use tokio_util::io::ReaderStream;

use super::{
    Attachment, disposition,
    range::{self, Selection},
    store,
};
use crate::{api::DemoApi, auth::Session, etag::ETag, extract::Path, problem::Problem};

/// How much is read from the disk at a time, in bytes.
const BUFFER: usize = 64 << 10;

/// `GET /notes/{id}/attachments/{attachment_id}`, all of it or one range (RFC 9110 §14).
pub async fn read(
    State(api): State<DemoApi>,
    session: Session,
    Path((note, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let attachment = find(&api, &session, &note, &id).await?;
    let etag = ETag::of_id(&attachment.id);
    if etag.is_known_to(&headers) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag.value())]).into_response());
    }
    let size = attachment.size.cast_unsigned();
    // §14.2: a range is for GET alone.
    let wanted = headers.get(RANGE).filter(|_| method == Method::GET && etag.allows_range(&headers));
    let selection = range::select(wanted.and_then(|value| value.to_str().ok()), size);
    let (status, first, length) = match selection {
        Selection::Whole => (StatusCode::OK, 0, size),
        Selection::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Selection::Unsatisfiable => return Err(unsatisfiable(size)),
    };
    let failed = |error: io::Error| Problem::internal("to read an attachment", &error);
    let file = api.files.read(&attachment.id).await.map_err(failed)?;
    let body = part(file, first, length).await.map_err(failed)?;
    let mut response = (status, body).into_response();
    let answered = response.headers_mut();
    describe(answered, &attachment, &etag, length);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{}/{size}", first + length - 1);
        answered.insert(CONTENT_RANGE, number_header(&range));
    }
    Ok(response)
}

/// `DELETE /notes/{id}/attachments/{attachment_id}`
pub async fn remove(
    State(api): State<DemoApi>,
    session: Session,
    Path((note, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let attachment = find(&api, &session, &note, &id).await?;
    store::delete(api.database.writer(), &attachment.id).await?;
    api.files.remove(&attachment.id).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(api: &DemoApi, session: &Session, note: &str, id: &str) -> Result<Attachment, Problem> {
    store::find(api.database.reader(), &session.user.id, note, id).await?.ok_or_else(Problem::not_found)
}

async fn part(mut file: File, first: u64, length: u64) -> io::Result<Body> {
    if first > 0 {
        file.seek(SeekFrom::Start(first)).await?;
    }
    Ok(Body::from_stream(ReaderStream::with_capacity(file.take(length), BUFFER)))
}

fn describe(headers: &mut HeaderMap, attachment: &Attachment, etag: &ETag, length: u64) {
    let content_type =
        HeaderValue::from_str(&attachment.content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENT_DISPOSITION, disposition::attachment(&attachment.name));
    headers.insert(ETAG, etag.value());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Somebody uploaded it: a browser shall not guess that it is a page.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn unsatisfiable(size: u64) -> Problem {
    let detail = format!("The file has {size} bytes; ask for a range within.");
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)
        .with_header(CONTENT_RANGE, number_header(&format!("bytes */{size}")))
}

/// A header of digits and ASCII punctuation.
fn number_header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("bytes */*"))
}
