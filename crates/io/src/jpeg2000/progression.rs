//! The order of packets in a tile (B.12), for one component.

use super::Jpeg2000Error;
use super::geometry::Tile;
use super::markers::{Order, Progression};

/// A packet: one layer of one precinct.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) resolution: usize,
    pub(super) precinct: usize,
}

/// Calls `packet` for every packet of a run, whether it was there already or not.
pub(super) fn run(
    tile: &mut Tile,
    run: &Progression,
    mut packet: impl FnMut(&mut Tile, Place, u16) -> Result<(), Jpeg2000Error>,
) -> Result<(), Jpeg2000Error> {
    let places = places(tile, run);
    match run.order {
        Order::Lrcp => {
            for layer in 0..run.end_layer {
                for &place in &places {
                    packet(tile, place, layer)?;
                }
            }
        }
        Order::Rlcp => {
            for same in places.chunk_by(|a, b| a.resolution == b.resolution) {
                for layer in 0..run.end_layer {
                    for &place in same {
                        packet(tile, place, layer)?;
                    }
                }
            }
        }
        Order::Rpcl | Order::Pcrl | Order::Cprl => {
            for place in places {
                for layer in 0..run.end_layer {
                    packet(tile, place, layer)?;
                }
            }
        }
    }
    Ok(())
}

/// The precincts of a run, in its order.
fn places(tile: &Tile, run: &Progression) -> Vec<Place> {
    let last = tile.resolutions.len() - 1;
    let end = tile.resolutions.len().min(usize::from(run.end_resolution));
    let mut places = Vec::new();
    for resolution in usize::from(run.first_resolution)..end {
        for precinct in 0..tile.resolutions[resolution].layers.len() {
            places.push(Place { resolution, precinct });
        }
    }
    if matches!(run.order, Order::Pcrl | Order::Cprl) {
        // Where a precinct begins on the reference grid; those cut by the tile's edge begin there.
        places.sort_by_cached_key(|place| {
            let (x, y) = tile.resolutions[place.resolution].corner(place.precinct);
            let finer = last - place.resolution;
            let y = (y << finer).max(u64::from(tile.area.y0));
            let x = (x << finer).max(u64::from(tile.area.x0));
            (y, x, *place)
        });
    }
    places
}
