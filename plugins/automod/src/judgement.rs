//! From broken rules to what becomes of the message.

use guildhall_sdk::{Action, Argument, Outcome, Verdict};

use crate::rules::Breach;
use crate::settings::Response;

/// What becomes of a message: the strictest of its breaches decides. `explain` says a text about a
/// breach, to the author or to the moderators.
pub fn judge(breaches: &[Breach], time_out_ms: u64, explain: impl Fn(Audience, &str, &Argument) -> String) -> Outcome {
    // Of equally strict ones, the first.
    let Some(worst) = breaches.iter().rev().max_by_key(|breach| breach.response) else {
        return Outcome::allow();
    };
    let text = |audience: Audience, breach: &Breach| explain(audience, breach.rule.name(), &breach.detail);
    let reason = text(Audience::Author, worst);
    let verdict = match worst.response {
        Response::Off | Response::Alert => Verdict::Allow,
        Response::Hold => Verdict::Hold(reason),
        Response::Block | Response::TimeOut => Verdict::Block(reason),
    };
    let mut actions: Vec<Action> = breaches
        .iter()
        // Whoever looks at what is held sees why; what is blocked is nobody's work.
        .filter(|breach| matches!(breach.response, Response::Alert | Response::TimeOut))
        .map(|breach| Action::Alert(text(Audience::Moderators, breach)))
        .collect();
    if worst.response == Response::TimeOut {
        actions.push(Action::TimeOut(time_out_ms));
    }
    let tags = breaches.iter().map(|breach| ("rule".to_owned(), breach.rule.name().to_owned())).collect();
    Outcome { verdict, rule: Some(worst.rule.name().to_owned()), actions, tags, score: None }
}

/// Who reads a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever wrote the message.
    Author,
    /// Those who look after the guild.
    Moderators,
}

impl Audience {
    /// What the names of texts for them begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Audience::Author => "reason",
            Audience::Moderators => "alert",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Rule;

    fn breach(rule: Rule, response: Response) -> Breach {
        Breach { rule, response, detail: Argument::from("x") }
    }

    fn judged(breaches: &[Breach]) -> Outcome {
        judge(breaches, 60_000, |audience, rule, _| format!("{}-{rule}", audience.prefix()))
    }

    #[test]
    fn without_a_breach_everything_is_allowed() {
        assert_eq!(judged(&[]), Outcome::allow());
    }

    #[test]
    fn the_strictest_breach_decides_and_of_equal_ones_the_first() {
        let outcome = judged(&[
            breach(Rule::Caps, Response::Alert),
            breach(Rule::Links, Response::Block),
            breach(Rule::Invites, Response::Block),
            breach(Rule::Flood, Response::Hold),
        ]);
        assert_eq!(outcome.verdict, Verdict::Block("reason-links".to_owned()));
        assert_eq!(outcome.rule.as_deref(), Some("links"));
        assert_eq!(outcome.actions, [Action::Alert("alert-caps".to_owned())]);
        assert_eq!(outcome.tags.len(), 4);
    }

    #[test]
    fn a_timeout_blocks_and_tells_the_moderators() {
        let outcome = judged(&[breach(Rule::Mentions, Response::TimeOut)]);
        assert_eq!(outcome.verdict, Verdict::Block("reason-mentions".to_owned()));
        assert_eq!(outcome.actions, [Action::Alert("alert-mentions".to_owned()), Action::TimeOut(60_000)]);
    }

    #[test]
    fn an_alert_alone_lets_the_message_pass() {
        assert_eq!(judged(&[breach(Rule::Caps, Response::Alert)]).verdict, Verdict::Allow);
    }
}
