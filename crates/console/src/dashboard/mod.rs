//! The dashboard: the account in a browser.
//!
//! In: a desk that reads the journal, an address. Out: pages, and what a person says to the engine. Invariant: serves
//! only files that are part of the program; asks no broker; an error on a page never reaches the trading path.
#![allow(clippy::disallowed_methods, reason = "visitors wait and are forgotten by the wall clock")]

mod desk;
mod guard;
mod model;
mod pages;
mod visitors;

pub use desk::{Desk, Happening, LiveDay, LiveOrder, Unanswered, View, Wish};
pub use guard::{Access, Unguarded};

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use futures::Stream;
use model::{Document, Frame, Page};
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::TcpListener;
use visitors::Session;

/// How often the journal is looked at for who has a page open.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest name and reason that are passed on.
const TEXT_MAX: usize = 200;

/// A page as a function of what the journal says.
type Shown = fn(&View) -> Page;

/// The pages in the order of the menu: key, path, name, what it shows.
const PAGES: [(&str, &str, &str, Shown); 11] = [
    ("1", "/", "Overview", pages::overview),
    ("2", "/today", "Today", pages::today),
    ("p", "/plan", "Plan", pages::plan),
    ("3", "/positions", "Positions", pages::positions),
    ("4", "/orders", "Orders", pages::orders),
    ("5", "/costs", "Costs", pages::costs),
    ("6", "/risk", "Risk", pages::risk),
    ("7", "/reconciliation", "Books", pages::reconciliation),
    ("8", "/hedges", "Hedges", pages::hedges),
    ("9", "/calendar", "Calendar", pages::calendar),
    ("0", "/modes", "Modes", pages::modes),
];

/// Files of the pages: name, type, content.
const ASSETS: [(&str, &str, &str); 6] = [
    ("htmx.min.js", "text/javascript", include_str!("../../assets/htmx.min.js")),
    ("uPlot.iife.min.js", "text/javascript", include_str!("../../assets/uPlot.iife.min.js")),
    ("uPlot.min.css", "text/css", include_str!("../../assets/uPlot.min.css")),
    ("app.js", "text/javascript", include_str!("../../assets/app.js")),
    ("app.css", "text/css", include_str!("../../assets/app.css")),
    ("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
];

/// Serves the dashboard until the future is dropped.
///
/// # Errors
/// When the listener fails.
pub async fn serve<D: Desk>(listener: TcpListener, access: Access, desk: D) -> std::io::Result<()> {
    axum::serve(listener, router(access, desk)).await
}

fn router<D: Desk>(access: Access, desk: D) -> Router {
    let mut pages = Router::new();
    for (_, path, _, page) in PAGES {
        let shown = async move |State(desk): State<D>, Extension(session): Extension<Session>| {
            shown(path, page, &desk, &session).await
        };
        pages = pages.route(path, get(shown));
    }
    let pages = pages
        .route("/say", post(say::<D>))
        .route("/events", get(events::<D>))
        .route("/ready", get(ready::<D>))
        .with_state(desk);
    let doors = Router::new()
        .route("/login", get(guard::login_page).post(guard::login))
        .route("/logout", post(guard::logout))
        .route("/health", get(async || "alive\n"))
        .route("/assets/{name}", get(asset))
        .with_state(access.clone());
    pages.merge(doors).layer(middleware::from_fn_with_state(access, guard::guard))
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(own, ..)| *own == name) {
        Some((_, kind, content)) => {
            ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "max-age=3600")], *content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn shown<D: Desk>(
    path: &'static str,
    page: Shown,
    desk: &D,
    session: &Session,
) -> Result<Html<String>, Response> {
    let view = desk.view().await.map_err(unanswered)?;
    let frame = Frame {
        path,
        account: view.status.account.clone(),
        mode: view.status.mode.clone(),
        running: view.status.engine.is_some(),
        csrf: session.csrf(),
        login: session.logged_in(),
        said: session.told(),
    };
    Ok(Html(Document { page: &page(&view), frame: &frame }.render().expect("a template without conditions that fail")))
}

/// What a person posts.
#[derive(Deserialize)]
struct Said {
    csrf: String,
    wish: String,
    by: String,
    reason: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    confirm: String,
}

async fn say<D: Desk>(
    State(desk): State<D>,
    Extension(session): Extension<Session>,
    Form(said): Form<Said>,
) -> Result<Redirect, Response> {
    guard::own_form(&session, &said.csrf).map_err(IntoResponse::into_response)?;
    let bad = |why: &str| (StatusCode::BAD_REQUEST, why.to_owned()).into_response();
    let wish = Wish::named(&said.wish).ok_or_else(|| bad("there is no such instruction"))?;
    if said.about.len() > TEXT_MAX {
        return Err(bad("that is no hash of a plan"));
    }
    let [by, reason] = [said.by, said.reason].map(|text| text.trim().to_owned());
    if by.is_empty() || reason.is_empty() || by.len() > TEXT_MAX || reason.len() > TEXT_MAX {
        return Err(bad("a name and a reason are needed, each of at most 200 bytes"));
    }
    if said.confirm.trim() != wish.confirmation() {
        return Err(bad("the word to confirm was not typed; nothing was told to the engine"));
    }
    let answer = desk.say(wish, said.about, by, reason).await.map_err(unanswered)?;
    session.tell(answer);
    Ok(Redirect::to(wish.page()))
}

/// Alive, and the journal answers.
async fn ready<D: Desk>(State(desk): State<D>) -> Response {
    match desk.head().await {
        Ok(head) => format!("ready, record {head}\n").into_response(),
        Err(trouble) => unanswered(trouble),
    }
}

/// One event for every change of the journal.
async fn events<D: Desk>(State(desk): State<D>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let seen = desk.head().await.unwrap_or_default();
    let changes = futures::stream::unfold((desk, seen), |(desk, seen)| async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // A journal that does not answer is said on the page; here it is merely no news.
            let head = desk.head().await.unwrap_or(seen);
            if head != seen {
                let event = Event::default().event("journal").data(head.to_string());
                return Some((Ok(event), (desk, head)));
            }
        }
    });
    Sse::new(changes).keep_alive(KeepAlive::default())
}

fn unanswered(Unanswered(why): Unanswered) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}
