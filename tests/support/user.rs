//! Somebody who uses the server over REST.

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::TestApp;

/// The password of everybody in the stories.
pub const PASSWORD: &str = "correct horse";

/// Somebody with or without an account.
#[derive(Clone)]
pub struct User {
    /// The account's id; empty for nobody.
    pub id: String,
    /// The account's name.
    pub name: String,
    /// The access token; empty for nobody.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// Where the server listens.
    pub url: String,
    http: reqwest::Client,
    headers: HeaderMap,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it isn't.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl User {
    /// Somebody without an account.
    pub fn anonymous(app: &TestApp) -> User {
        User::at(&app.url, &app.http)
    }

    /// Somebody without an account, at a server of any kind.
    pub fn at(url: &str, http: &reqwest::Client) -> User {
        User {
            id: String::new(),
            name: String::new(),
            token: String::new(),
            refresh_token: String::new(),
            url: url.to_owned(),
            http: http.clone(),
            headers: HeaderMap::new(),
        }
    }

    /// Somebody who has just made an account and signed in.
    pub async fn register(app: &TestApp, name: &str) -> User {
        User::anonymous(app).sign_up(name).await
    }

    /// The same person, with the same token, at another server over the same database.
    pub fn on(&self, node: &TestApp) -> User {
        User { url: node.url.clone(), ..self.clone() }
    }

    /// Makes an account and signs in.
    pub async fn sign_up(&self, name: &str) -> User {
        let email = format!("{name}@example.com");
        let account = json!({"username": name, "password": PASSWORD, "email": email});
        self.post("/register", account).await.expect(201);
        self.login(name, PASSWORD).await
    }

    /// Signs in; the same person on another device.
    pub async fn login(&self, name: &str, password: &str) -> User {
        let tokens = self.post("/login", json!({"username": name, "password": password})).await.expect(200);
        self.with_tokens(&tokens)
    }

    /// The one whom an answer of `/login` or `/auth/refresh` is about.
    pub fn with_tokens(&self, tokens: &Value) -> User {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        User {
            id: text(&tokens["user"]["id"]),
            name: text(&tokens["user"]["username"]),
            token: format!("Bearer {}", text(&tokens["token"])),
            refresh_token: text(&tokens["refresh_token"]),
            ..self.clone()
        }
    }

    /// The same person with another `Authorization`.
    pub fn with_authorization(&self, authorization: &str) -> User {
        User { token: authorization.to_owned(), ..self.clone() }
    }

    /// The same person with another header on every request.
    pub fn with_header(&self, name: &'static str, value: &str) -> User {
        let mut user = self.clone();
        user.headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        user
    }

    /// `GET` of a path below the API's base.
    pub async fn get(&self, path: &str) -> Answer {
        self.answer(self.request(Method::GET, path)).await
    }
    /// `POST` of a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.answer(self.request(Method::POST, path).json(&body)).await
    }
    /// `PUT` of a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.answer(self.request(Method::PUT, path).json(&body)).await
    }
    /// `PATCH` of a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.answer(self.request(Method::PATCH, path).json(&body)).await
    }
    /// `DELETE` without a body.
    pub async fn delete(&self, path: &str) -> Answer {
        self.answer(self.request(Method::DELETE, path)).await
    }
    /// `DELETE` with a JSON body.
    pub async fn delete_with(&self, path: &str, body: Value) -> Answer {
        self.answer(self.request(Method::DELETE, path).json(&body)).await
    }
    /// Any request; paths that begin with `//` stand outside of the API's base.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = match path.strip_prefix('/').filter(|rest| rest.starts_with('/')) {
            Some(outside) => format!("{}{outside}", self.url),
            None => format!("{}/api/v1{path}", self.url),
        };
        let request = self.http.request(method, url).headers(self.headers.clone());
        if self.token.is_empty() { request } else { request.header("authorization", &self.token) }
    }
    /// Sends a request and reads the answer.
    pub async fn answer(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }

    /// Makes a guild that anybody may join; answers its id and that of its first channel.
    pub async fn guild(&self, name: &str) -> (String, String) {
        let guild = self.post("/guilds", json!({"name": name, "public": true})).await.expect(201);
        let id = guild["id"].as_str().expect("an id").to_owned();
        let channels = self.get(&format!("/guilds/{id}/channels")).await.expect(200);
        let general = channels["items"][0]["id"].as_str().expect("a first channel").to_owned();
        (id, general)
    }

    /// Joins a public guild.
    pub async fn join(&self, guild: &str) {
        self.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.expect(201);
    }

    /// Says something; answers the message.
    pub async fn say(&self, channel: &str, content: &str) -> Value {
        self.post(&format!("/channels/{channel}/messages"), json!({"content": content})).await.expect(201)
    }
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Checks that it is a problem with this status and code; answers it.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        let content_type = self.headers.get("content-type").and_then(|value| value.to_str().ok());
        assert_eq!(content_type, Some("application/problem+json"));
        assert_eq!(self.body["status"], status);
        self.body
    }

    /// The pointers of the fields that were not acceptable, sorted.
    #[track_caller]
    pub fn faults(self) -> Vec<String> {
        let problem = self.problem(422, "INVALID_FIELDS");
        let faults = problem["errors"].as_array().expect("faults").iter();
        let mut pointers: Vec<String> =
            faults.map(|fault| fault["pointer"].as_str().expect("a pointer").to_owned()).collect();
        pointers.sort();
        pointers
    }
}
