//! Responses that count as active until hyper has taken them completely.

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

use super::{activity::ActiveRequest, http2_stream};

pin_project! {
    /// The future of a response.
    pub(super) struct TrackedResponse<F> {
        #[pin]
        response: F,
        active: Option<ActiveRequest>,
    }
}

impl<F> TrackedResponse<F> {
    pub(super) fn new(response: F, active: ActiveRequest) -> Self {
        Self { response, active: Some(active) }
    }
}

impl<F: Future<Output = Response>> Future for TrackedResponse<F> {
    type Output = Result<http::Response<TrackedBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = this.response.poll(cx);
        http2_stream::record_poll(polled.is_pending());
        polled.map(|response| {
            let active = this.active.take();
            Ok(response.map(|body| TrackedBody { body, _active: active }))
        })
    }
}

/// The body of a response.
pub(super) struct TrackedBody {
    body: Body,
    _active: Option<ActiveRequest>,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        http2_stream::record_poll(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
