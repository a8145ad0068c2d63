//! Field lines of heads and trailers.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Error;

/// Appends a field whose value is in the memory of `text`.
pub(super) fn append(headers: &mut HeaderMap, field: &httparse::Header<'_>, text: &Bytes) -> Result<(), Error> {
    let name = HeaderName::from_bytes(field.name.as_bytes());
    let name = name.map_err(|_| Error::Head(httparse::Error::HeaderName))?;
    let value = HeaderValue::from_maybe_shared(text.slice_ref(field.value));
    headers.append(name, value.map_err(|_| Error::Head(httparse::Error::HeaderValue))?);
    Ok(())
}
