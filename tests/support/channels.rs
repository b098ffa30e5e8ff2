//! What people do with channels, in the stories.

use serde_json::{Value, json};

use super::User;

/// The id of a thing.
#[track_caller]
pub fn id_of(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

impl User {
    /// Makes a channel; answers its id.
    pub async fn make_channel(&self, guild: &str, channel: Value) -> String {
        id_of(&self.post(&format!("/guilds/{guild}/channels"), channel).await.expect(201))
    }

    /// Makes a role below all others and gives it to somebody; answers its id.
    pub async fn make_role(&self, guild: &str, permissions: &[&str], holder: &User) -> String {
        let role = json!({"name": "Role", "permissions": permissions});
        let role = id_of(&self.post(&format!("/guilds/{guild}/roles"), role).await.expect(201));
        self.put(&format!("/guilds/{guild}/members/{}/roles/{role}", holder.id), json!({})).await.expect(200);
        role
    }

    /// Makes an exception for a member; answers the channel.
    pub async fn except(&self, channel: &str, member: &User, allow: &[&str], deny: &[&str]) -> Value {
        let overwrite = json!({"kind": "member", "allow": allow, "deny": deny});
        self.put(&format!("/channels/{channel}/overwrites/{}", member.id), overwrite).await.expect(200)
    }

    /// Makes an exception for everybody; answers the channel. `@everyone` has the id of its guild.
    pub async fn except_everyone(&self, channel: &str, guild: &str, allow: &[&str], deny: &[&str]) -> Value {
        let overwrite = json!({"kind": "role", "allow": allow, "deny": deny});
        self.put(&format!("/channels/{channel}/overwrites/{guild}"), overwrite).await.expect(200)
    }

    /// The names of what somebody may do in a channel.
    pub async fn may(&self, channel: &str) -> Vec<String> {
        let standing = self.get(&format!("/channels/{channel}/permissions/@me")).await.expect(200);
        let names = standing["permission_names"].as_array().expect("names").iter();
        names.map(|name| name.as_str().expect("a name").to_owned()).collect()
    }
}
