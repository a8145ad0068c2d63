//! The page for an answer that no page of the app could give: a refusal on the way to it, or a failure.

use http::StatusCode;
use leptos::{config::LeptosOptions, nonce::Nonce, prelude::*, tachys::view::RenderHtml};

use super::files::Files;
use crate::{art, csp, theme::Theme};

/// The page for an answer that no page of the app could give.
#[derive(Clone, Debug)]
pub struct RefusalPage {
    /// The page itself.
    pub html: String,
    /// Its Content-Security-Policy.
    pub policy: String,
}

/// Makes the page. It holds no script and asks nobody who is logged in, so it can always be made.
///
/// `detail` is the sentence for the person, `request` the number under which the log has the cause.
pub fn refusal(
    options: &LeptosOptions,
    theme: Theme,
    status: StatusCode,
    detail: &str,
    request: Option<&str>,
) -> RefusalPage {
    let nonce = Nonce::new();
    let policy = csp::policy_without_script(&nonce);
    let title = title(status);
    let css = Files::of(options).css.clone();
    let page = view! {
        <html lang="en" data-theme=theme.attribute()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content=theme.attribute().unwrap_or("light dark")/>
                <meta name="robots" content="noindex"/>
                <title inner_html=title></title>
                <link rel="stylesheet" href=css nonce=nonce/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
            </head>
            <body>
                <main id="main">
                    <section class="door">
                        <span class="door-mark" aria-hidden="true" inner_html=art::MARK></span>
                        <h1>{title.trim_end_matches(" · Vestibule")}</h1>
                        <p>{detail.to_owned()}</p>
                        {request.map(|id| view! { <p class="hint">"Number of this request: " <code>{id.to_owned()}</code></p> })}
                        <p><a class="button primary" href="/">"Go to the home page"</a></p>
                    </section>
                </main>
            </body>
        </html>
    };
    RefusalPage { html: ["<!DOCTYPE html>", &page.to_html()].concat(), policy }
}

/// What has happened, in the words of a person, as the title of the page.
fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "This is not allowed · Vestibule",
        404 | 410 => "Page not found · Vestibule",
        413 | 431 => "This is too much · Vestibule",
        429 => "Too many tries · Vestibule",
        503 => "Too busy right now · Vestibule",
        500.. => "Something went wrong · Vestibule",
        _ => "This did not work · Vestibule",
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use leptos::config::LeptosOptions;

    use super::{Theme, refusal};

    #[test]
    fn tells_what_and_what_to_do() {
        let options = LeptosOptions::builder().output_name("vestibule").build();
        let page =
            refusal(&options, Theme::System, StatusCode::FORBIDDEN, "Came from <another> site.", Some("r-1")).html;
        for part in [
            "<!DOCTYPE html><html",
            "<title>This is not allowed · Vestibule</title>",
            " nonce=\"",
            "<h1>This is not allowed",
            "&lt;another&gt;",
            "r-1",
            "/pkg/vestibule.css",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("<script") && !page.contains("data-theme"), "{page}");
    }

    #[test]
    fn looks_as_the_person_has_chosen() {
        let options = LeptosOptions::builder().output_name("vestibule").build();
        for theme in [Theme::Light, Theme::Dark] {
            let page = refusal(&options, theme, StatusCode::FORBIDDEN, "Came from another site.", None).html;
            assert!(page.contains(&format!("<html lang=\"en\" data-theme=\"{}\">", theme.name())), "{page}");
        }
    }
}
