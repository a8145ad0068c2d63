//! Getting a token into the page by what the API answers.
