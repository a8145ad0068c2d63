//! Getting a script of one's own into the page.
