//! `GET /openapi.json`: what the API is, for machines (`OpenAPI` 3.1).

use axum::http::{HeaderName, HeaderValue, header::CONTENT_TYPE};

use crate::route::Route;

/// Written by hand: it says more than types do. A test holds it against the routes.
const DESCRIPTION: &str = include_str!("../openapi.json");

/// The route of the description.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/openapi.json", read)]
}

async fn read() -> ([(HeaderName, HeaderValue); 1], &'static str) {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], DESCRIPTION)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::route;

    #[test]
    fn each_route_is_described_and_nothing_else() {
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        assert_eq!(description["openapi"], "3.1.0");
        let described: BTreeSet<String> = description["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
                methods.map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let routed: BTreeSet<String> =
            route::all().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn each_reference_leads_somewhere() {
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        let mut references = Vec::new();
        collect_references(&description, &mut references);
        assert!(references.len() > 20, "only {} references", references.len());
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(description.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    fn collect_references(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    references.push(reference.clone());
                }
                for value in object.values() {
                    collect_references(value, references);
                }
            }
            Value::Array(values) => {
                for value in values {
                    collect_references(value, references);
                }
            }
            _ => {}
        }
    }
}
