//! Query parameters that a route doesn't have are refused, for every route alike: nothing is ignored silently.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn};

use super::BASE;
use crate::error::{Code, Error};

/// The parameters that the document gives to each route, by method and path.
#[derive(Clone, Default)]
pub struct Parameters(Arc<HashMap<(Method, String), HashSet<String>>>);

impl Parameters {
    /// Reads them from the document.
    pub fn of(document: &utoipa::openapi::OpenApi) -> Parameters {
        let mut known = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ] {
                if let Some(operation) = operation {
                    known.insert((method, path.clone()), names(operation));
                }
            }
        }
        Parameters(Arc::new(known))
    }

    fn allow(&self, request: &Request, query: &str) -> bool {
        let Some(matched) = request.extensions().get::<MatchedPath>() else { return true };
        let path = matched.as_str().strip_prefix(BASE).unwrap_or(matched.as_str());
        let Some(known) = self.0.get(&(request.method().clone(), path.to_owned())) else { return true };
        let given = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
        !query.contains("%00") && given.is_ok_and(|Query(given)| given.iter().all(|(name, _)| known.contains(name)))
    }
}

fn names(operation: &Operation) -> HashSet<String> {
    let stated = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    let in_query = stated.filter(|parameter| matches!(parameter.parameter_in, ParameterIn::Query));
    in_query.map(|parameter| parameter.name.clone()).collect()
}

/// The layer that refuses them.
pub async fn refuse_unknown(State(parameters): State<Parameters>, request: Request, next: Next) -> Response {
    let query = request.uri().query().filter(|query| !query.is_empty());
    match query.is_none_or(|query| parameters.allow(&request, query)) {
        true => next.run(request).await,
        false => Error::from(Code::InvalidQuery).into_response(),
    }
}
