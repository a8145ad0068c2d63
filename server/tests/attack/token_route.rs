//! Getting a token into the page by a route of the API that issues one.
