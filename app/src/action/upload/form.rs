//! A `multipart/form-data` body (RFC 7578), read with bounds.
//!
//! The parser keeps all that it is given until it can make something of it, and searches that from its beginning
//! whenever more comes. So it is given small steps, one at a time, and no more than [`MAX_HELD`] in [`MAX_STEPS`]
//! of which nothing came out: a body without a boundary, or a part whose headers never end, takes neither memory
//! nor time.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue, header};
use multer::{Field, Multipart};

/// The longest boundary, in bytes (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;
/// How much the parser is given at once, in bytes.
const STEP: usize = 16 << 10;
/// How much it may be given of which nothing comes out, in bytes.
const MAX_HELD: usize = 64 << 10;
/// In how many steps it may be given that.
const MAX_STEPS: usize = 256;
/// The most parts of one form.
const MAX_PARTS: usize = 100;
/// How much is still read of a form that was refused, in bytes. A browser shows no answer to a
/// request that it could not send.
const PATIENCE: usize = 64 << 20;

/// A form that comes in.
pub(super) struct Form {
    parts: Multipart<'static>,
    /// Shared with the parser, so that a form can be drained without it.
    body: Arc<Mutex<Option<BodyDataStream>>>,
    held: Held,
    count: usize,
}

/// A file of a form.
pub(super) struct File {
    pub(super) name: String,
    pub(super) kind: Option<HeaderValue>,
    pub(super) content: Content,
}

/// What a part holds, as it comes.
pub(super) struct Content {
    field: Field<'static>,
    held: Held,
}

/// Why a form cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it has more than {MAX_PARTS} parts")]
    TooManyParts,
    #[error(transparent)]
    Form(#[from] multer::Error),
}

/// The parser was given so much for nothing.
#[derive(Debug, thiserror::Error)]
#[error("it has no boundary, or a part's headers do not end")]
struct NothingCameOut;

impl Form {
    /// Reads a form; `None` when the headers announce none.
    pub(super) fn new(headers: &HeaderMap, body: Body) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let boundary = multer::parse_boundary(kind).ok().filter(|boundary| boundary.len() <= MAX_BOUNDARY)?;
        let held = Held::default();
        let body = Arc::new(Mutex::new(Some(body.into_data_stream())));
        let steps = Steps { body: Arc::clone(&body), rest: Bytes::new(), gave: false, held: held.clone() };
        Some(Self { parts: Multipart::new(steps, boundary), body, held, count: 0 })
    }

    /// The next part with a file.
    pub(super) async fn next_file(&mut self) -> Result<Option<File>, Malformed> {
        while let Some((field, mut content)) = self.next_part().await? {
            if let Some(name) = field.name {
                return Ok(Some(File { name, kind: field.kind, content }));
            }
            while let Some(chunk) = content.next().await {
                chunk?;
            }
        }
        Ok(None)
    }

    async fn next_part(&mut self) -> Result<Option<(Head, Content)>, Malformed> {
        let Some(field) = self.parts.next_field().await? else { return Ok(None) };
        self.held.clear();
        self.count += 1;
        if self.count > MAX_PARTS {
            return Err(Malformed::TooManyParts);
        }
        let name = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
        let kind = field.content_type().and_then(|kind| HeaderValue::from_str(kind.as_ref()).ok());
        Ok(Some((Head { name, kind }, Content { field, held: self.held.clone() })))
    }

    /// Reads the rest after a refusal. The parser is left out: it would take a file that is not read for a part without
    /// an end.
    pub(super) async fn drain(self) {
        let Some(mut body) = self.body.lock().ok().and_then(|mut body| body.take()) else { return };
        let mut read = 0;
        while let Some(Ok(chunk)) = body.next().await {
            read += chunk.len();
            if read > PATIENCE {
                return;
            }
        }
    }
}

/// What a part says of itself.
struct Head {
    name: Option<String>,
    kind: Option<HeaderValue>,
}

impl Stream for Content {
    type Item = Result<Bytes, multer::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.field).poll_next(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &polled
            && !chunk.is_empty()
        {
            self.held.clear();
        }
        polled
    }
}

/// What the parser was given since something came out of it: bytes and steps.
#[derive(Clone, Default)]
struct Held(Arc<(AtomicUsize, AtomicUsize)>);

impl Held {
    fn add(&self, length: usize) -> Result<(), NothingCameOut> {
        let (bytes, steps) = &*self.0;
        let held = bytes.fetch_add(length, Ordering::Relaxed) + length;
        let step = steps.fetch_add(1, Ordering::Relaxed) + 1;
        if held > MAX_HELD || step > MAX_STEPS { Err(NothingCameOut) } else { Ok(()) }
    }

    fn clear(&self) {
        let (bytes, steps) = &*self.0;
        bytes.store(0, Ordering::Relaxed);
        steps.store(0, Ordering::Relaxed);
    }
}

/// The body in small steps. Between two of them it says that there is nothing yet, so that the parser, which takes
/// all that is there, looks at what it has.
struct Steps {
    body: Arc<Mutex<Option<BodyDataStream>>>,
    rest: Bytes,
    gave: bool,
    held: Held,
}

impl Stream for Steps {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.gave) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            let polled = match self.body.lock() {
                Ok(mut body) => body.as_mut().map_or(Poll::Ready(None), |body| body.poll_next_unpin(cx)),
                Err(_) => Poll::Ready(None),
            };
            match ready!(polled) {
                Some(Ok(chunk)) => self.rest = chunk,
                other => return Poll::Ready(other),
            }
        }
        let length = self.rest.len().min(STEP);
        let step = self.rest.split_to(length);
        self.gave = true;
        Poll::Ready(Some(self.held.add(length).map(|()| step).map_err(axum::Error::new)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    /// A form whose body comes in chunks of this size.
    fn form(body: &[u8], chunk: usize) -> Form {
        let chunks: Vec<_> =
            body.chunks(chunk).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
        let kind = HeaderValue::from_static("multipart/form-data; boundary=z");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
        Form::new(&headers, Body::from_stream(stream::iter(chunks))).unwrap()
    }

    fn part(name: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("--z\r\ncontent-disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    /// Names and lengths of the files up to the end, or to what is wrong.
    async fn files(mut form: Form) -> (Vec<(String, usize)>, Option<String>) {
        let mut files = Vec::new();
        loop {
            match form.next_file().await {
                Ok(None) => return (files, None),
                Err(error) => return (files, Some(error.to_string())),
                Ok(Some(mut file)) => {
                    let mut length = 0;
                    while let Some(chunk) = file.content.next().await {
                        match chunk {
                            Ok(chunk) => length += chunk.len(),
                            Err(error) => return (files, Some(error.to_string())),
                        }
                    }
                    files.push((file.name, length));
                }
            }
        }
    }

    #[tokio::test]
    async fn takes_files_of_any_length_in_chunks_of_any_length() {
        for chunk in [7, 1_000, 16 << 10, 300_000, 4 << 20] {
            let large = if chunk == 7 { 10_000 } else { 1_000_000 };
            let body =
                [part("a", b"12345"), part("", b""), part("b", &vec![b'\r'; large]), b"--z--\r\n".to_vec()].concat();
            let expected = vec![("a".to_owned(), 5), ("b".to_owned(), large)];
            assert_eq!(files(form(&body, chunk)).await, (expected, None), "{chunk}");
        }
    }

    #[tokio::test]
    async fn gives_up_a_body_without_a_boundary_and_headers_without_an_end() {
        for head in [&b""[..], b"--z", b"--z\r\n", b"--z\r\nx-header: "] {
            for (chunk, length) in [(1, MAX_STEPS + 10), (1_000, MAX_HELD + STEP), (64 << 10, MAX_HELD + STEP)] {
                let body = [head, &vec![b'x'; length][..]].concat();
                let (_, error) = files(form(&body, chunk)).await;
                assert!(error.is_some(), "{chunk} {head:?}");
            }
        }
    }

    #[tokio::test]
    async fn never_holds_more_than_it_may() {
        let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1024])));
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        let counting = endless.inspect(move |_| {
            counted.fetch_add(1024, Ordering::Relaxed);
        });
        let kind = HeaderValue::from_static("multipart/form-data; boundary=z");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
        let (_, error) = files(Form::new(&headers, Body::from_stream(counting)).unwrap()).await;
        assert!(error.is_some());
        assert!(taken.load(Ordering::Relaxed) <= MAX_HELD + STEP);
    }

    #[tokio::test]
    async fn a_refused_file_is_drained_to_its_end() {
        let body = part("large.bin", &vec![b'x'; 300_000]);
        let read = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&read);
        let chunks: Vec<_> = body.chunks(8 << 10).map(Bytes::copy_from_slice).collect();
        let stream = stream::iter(chunks).map(move |chunk| {
            seen.fetch_add(chunk.len(), Ordering::Relaxed);
            Ok::<_, Infallible>(chunk)
        });
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=z"));
        let mut form = Form::new(&headers, Body::from_stream(stream)).unwrap();
        drop(form.next_file().await.unwrap());
        form.drain().await;
        assert_eq!(read.load(Ordering::Relaxed), body.len());
    }

    #[tokio::test]
    async fn tells_a_malformed_part_after_a_good_one() {
        for (bad, whole) in [(&b"--z\r\nno header\r\n\r\n"[..], 1), (b"--z\r\nconten", 1), (b"", 0), (b"--zzz\r\n", 0)]
        {
            let (good, error) = files(form(&[part("a", b"12345"), bad.to_vec()].concat(), 1_000)).await;
            assert!(good.len() >= whole, "{bad:?}");
            assert!(error.is_some(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn takes_so_many_parts() {
        let all = |count: usize| [vec![part("a", b"1"); count].concat(), b"--z--".to_vec()].concat();
        let (good, error) = files(form(&all(MAX_PARTS), 1_000)).await;
        assert_eq!((good.len(), error), (MAX_PARTS, None));
        let (_, error) = files(form(&all(MAX_PARTS + 1), 1_000)).await;
        assert!(error.is_some());
    }

    #[test]
    fn takes_no_long_boundary() {
        let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={}", "z".repeat(71))).unwrap();
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
        assert!(Form::new(&headers, Body::empty()).is_none());
        assert!(Form::new(&HeaderMap::new(), Body::empty()).is_none());
    }
}
