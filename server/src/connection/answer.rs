//! A response on its way to hyper, which the connection counts until all of it was taken.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{activity::Open, stream};

pin_project! {
    /// A request that is being answered.
    pub(super) struct Answering<F> {
        #[pin]
        answer: F,
        open: Option<Open>,
    }
}

impl<F> Answering<F> {
    pub(super) fn new(answer: F, open: Open) -> Self {
        Self { answer, open: Some(open) }
    }
}

impl<F: Future<Output = Response>> Future for Answering<F> {
    type Output = Result<http::Response<Outgoing>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = this.answer.poll(cx);
        stream::note(polled.is_pending());
        polled.map(|response| {
            let open = this.open.take();
            Ok(response.map(|body| Outgoing { body, _open: open }))
        })
    }
}

/// The body of a response.
pub(super) struct Outgoing {
    body: Body,
    _open: Option<Open>,
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        stream::note(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
