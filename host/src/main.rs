//! The command line of the server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use guildhall::accounts::commands::{self, KeysCommand, UserCommand};
use guildhall::accounts::setup;
use guildhall::app::{App, Phase};
use guildhall::clock::Clock;
use guildhall::cluster;
use guildhall::config::{Config, LogFormat};
use guildhall::doctor::{self, Finding};
use guildhall::http::serve;
use guildhall::plugins::commands::{self as plugins, PluginCommand};
use guildhall::seed::{self, Size};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the server waits for letters that are under way when it ends.
const LETTERS_DRAIN: Duration = Duration::from_secs(5);

/// A chat server that guilds extend by themselves.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file; `guildhall.toml` here, if there is one.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// The folder for everything the server keeps.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve {
        /// The address to listen on.
        #[arg(long)]
        listen: Option<String>,
    },
    /// Look the server over, and say what is wrong with it.
    Doctor,
    /// Bring the database up to date, and end.
    Migrate,
    /// Fill a new server with people and messages, for benchmarks; prints what it made as JSON.
    #[command(hide = true)]
    Seed {
        /// Messages in the first channel.
        #[arg(long, default_value_t = 1_000)]
        messages: usize,
        /// Members of the first guild.
        #[arg(long, default_value_t = 100)]
        members: usize,
        /// Guilds.
        #[arg(long, default_value_t = 1)]
        guilds: usize,
        /// Plugins that each guild installs.
        #[arg(long, default_value_t = 0)]
        installations: usize,
        /// Members whose access tokens are printed as well.
        #[arg(long, default_value_t = 0)]
        tokens: usize,
    },
    /// Make, close and open accounts, and set passwords.
    #[command(subcommand)]
    User(UserCommand),
    /// See failed calls of plugins again.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Look at the keys that sign access tokens, and change them.
    #[command(subcommand)]
    Keys(KeysCommand),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Command::Plugin(PluginCommand::Compile) = arguments.command {
        return plugins::compile();
    }
    let mut flags = Vec::new();
    if let Some(data) = &arguments.data {
        flags.push(("data", data.display().to_string()));
    }
    if let Command::Serve { listen: Some(listen) } = &arguments.command {
        flags.push(("listen", listen.clone()));
    }
    let config = Config::load(arguments.config.as_deref(), &flags)?;
    start_logging(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Serve { .. } => run(config).await,
            Command::Doctor => {
                let lines = doctor::examine(&config).await;
                lines.iter().for_each(|line| println!("{line}"));
                anyhow::ensure!(lines.iter().all(|line| line.finding != Finding::Bad), "something must be mended");
                Ok(())
            }
            Command::Migrate => migrate(config).await,
            Command::Seed { messages, members, guilds, installations, tokens } => {
                let app = App::beside(config, Clock::System).await?;
                let seeded = seed::seed(&app, Size { messages, members, guilds, installations, tokens }).await?;
                println!("{}", serde_json::to_string(&seeded)?);
                app.db.close().await;
                Ok(())
            }
            Command::User(command) => commands::user(&App::beside(config, Clock::System).await?, command).await,
            Command::Plugin(PluginCommand::Compile) => plugins::compile(),
            Command::Plugin(PluginCommand::Replay { bundle, component }) => {
                plugins::replay(&config, bundle, component).await
            }
            Command::Keys(command) => commands::keys(&App::beside(config, Clock::System).await?, command).await,
        }
    })
}

async fn migrate(config: Config) -> anyhow::Result<()> {
    let app = App::beside(config, Clock::System).await?;
    println!("The database is up to date");
    app.db.close().await;
    Ok(())
}

fn start_logging(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log).context("`log` is neither a level nor directives")?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

async fn run(mut config: Config) -> anyhow::Result<()> {
    // A certificate that can't be used is told before anything is made.
    serve::acceptor(&config.tls)?;
    serve::raise_open_files();
    let listener = serve::bind(&config.listen)?;
    if config.listen.ends_with(":0") {
        // Port 0 means any: from here on it is known which.
        config.listen = listener.local_addr()?.to_string();
    }
    let app = App::start(config, Clock::System).await?;
    println!("Guildhall listens on {}", app.config.public_url());
    if let Some(link) = setup::link(&app).await? {
        println!("Make the first administrator's account, within 24 hours, at {link}");
    }
    tokio::spawn(end_on_signal(app.clone()));
    serve::serve(app.clone(), listener).await?;
    app.mail.flush(LETTERS_DRAIN).await;
    if let Err(error) = cluster::leave(&app).await {
        tracing::warn!(%error, "this node's number stays taken until others count it as dead");
    }
    app.db.close().await;
    Ok(())
}

async fn end_on_signal(app: App) {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return tracing::error!(%error, "signals can't be heard"),
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    app.shutdown.send_replace(Phase::Draining);
}
