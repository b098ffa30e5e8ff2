//! How plugins fare on this node, for whoever runs the server.

use super::deliver::store::waiting;
use crate::app::App;

/// Notes how many slots are free, how many breakers are open, and how much plugins have still to be told.
pub(crate) async fn measure(app: &App) {
    // Before the first call there is nothing to say.
    let Some(ground) = app.plugins.ground.get() else { return };
    let (all, others) = (ground.engine.slots.available_permits(), ground.engine.others.available_permits());
    metrics::gauge!("guildhall_plugin_slots_free", "calls" => "filters").set(all as f64);
    metrics::gauge!("guildhall_plugin_slots_free", "calls" => "others").set(others.min(all) as f64);
    metrics::gauge!("guildhall_plugin_breakers_open").set(app.plugins.breakers.open(app.now()) as f64);
    if let Ok(mut conn) = app.db.read().await
        && let Ok(deliveries) = waiting(&mut conn).await
    {
        metrics::gauge!("guildhall_plugin_deliveries_waiting").set(deliveries as f64);
    }
}
