//! Is the true error within what is stated? Phantoms with exact truth, through the phantom's scanner.

use super::*;
use osteon_core::{Hu, Mask, Point};
use osteon_image::{Neighbours, components, fill, keep_largest, refine, spread::spread, threshold};
use osteon_phantom::shape::{Ball, Capsule, Form};
use osteon_phantom::{Field, Noise, Phantom, Protocol, Shape, hu, scan};

/// A bone whose surface is known, in soft tissue.
struct Subject {
    name: &'static str,
    bone: Form,
    inside: Option<Form>,
}

fn ball(radius: f64) -> Ball {
    Ball { middle: Point::new(0.13, -0.21, 0.37), radius }
}

fn subjects() -> Vec<Subject> {
    let rod = Capsule::rod(Point::new(-5.0, -3.0, -4.0), Point::new(5.0, 3.0, 5.0), 4.0);
    vec![
        Subject { name: "ball", bone: ball(8.0).form(), inside: None },
        Subject { name: "rod", bone: rod.form(), inside: None },
        Subject { name: "cortex", bone: ball(9.0).form(), inside: Some(ball(7.5).form()) },
    ]
}

/// A placed surface and all that a budget of it needs.
struct Made {
    solid: Solid,
    volume: Volume<i16>,
    levels: Levels,
    spread: Spread,
}

fn made(subject: &Subject, between: f64, blur: f64, sigma: f64) -> Made {
    let ctx = Ctx::default();
    let view = ball(11.0).bounds();
    let mut phantom =
        Phantom::air(view).with("soft", ball(25.0), hu::SOFT).with("bone", subject.bone.clone(), hu::CORTEX);
    if let Some(inside) = &subject.inside {
        phantom = phantom.with("core", inside.clone(), hu::CANCELLOUS);
    }
    let noise = if sigma > 0.0 { Noise { sigma, grain: 0.3, seed: 7 } } else { Noise::NONE };
    let protocol = Protocol { blur, ..Protocol::sharp(between) }.with_noise(noise);
    let grid = Field::axial(0.6, between, 1.0).grid(&view).unwrap();
    let volume = scan(&phantom, &grid, &protocol, &ctx).unwrap().volume;
    let clean = |mask: &Mask| {
        let mask = keep_largest(&components(mask, Neighbours::Corners, &ctx).unwrap(), 1).mask;
        fill(&mask, &ctx).unwrap().mask
    };
    let refined = refine(&volume, &clean(&threshold(&volume, Hu(226.0), None, &ctx).unwrap()), &ctx).unwrap();
    let mask = clean(&refined.mask);
    let spread = spread(&volume, &mask, &ctx).unwrap();
    let solid = crate::isosurface::isosurface(&volume, &refined.levels, &mask, &ctx).unwrap();
    let solid =
        crate::cortex::place(&solid, &volume, &refined.levels, &spread, crate::cortex::Scope::All, &ctx)
            .unwrap()
            .solid;
    Made { solid, volume, levels: refined.levels, spread }
}

fn budget_of(made: &Made, edits: &Edits<'_>) -> Budget {
    budget(&made.solid, &made.volume, &made.levels, &made.spread, edits, &Ctx::default()).unwrap()
}

#[test]
fn the_true_error_lies_within_what_is_stated() {
    let (mut within, mut all, mut stated, mut squares) = (0, 0, 0.0, 0.0);
    for subject in subjects() {
        for (between, blur, noise) in
            [(0.625, 0.34, 30.0), (1.25, 0.51, 20.0), (2.0, 0.34, 0.0), (3.0, 0.51, 20.0)]
        {
            let made = made(&subject, between, blur, noise);
            let budget = budget_of(&made, &Edits::default());
            let errors: Vec<f64> =
                made.solid.mesh().vertices.iter().map(|&v| subject.bone.distance(v)).collect();
            let bias = errors.iter().sum::<f64>() / errors.len() as f64;
            // The promise: 0.15 mm up to slices of 1.25 mm, 0.3 mm beyond.
            let limit = if between <= 1.25 { 0.15 } else { 0.3 };
            assert!(bias.abs() < limit, "{} at {between} mm: {bias:+.3} mm", subject.name);
            for ((error, bias), u) in errors.iter().zip(&budget.bias).zip(&budget.u95) {
                let rest = error - f64::from(*bias);
                within += usize::from(rest.abs() <= f64::from(*u));
                all += 1;
                stated += f64::from(*u);
                squares += rest * rest;
            }
        }
    }
    let share = f64::from(within as u32) / f64::from(all);
    assert!((0.93..=0.99).contains(&share), "{share:.4} of the vertices are within what is stated");
    let ratio = stated / f64::from(all) / (squares / f64::from(all)).sqrt();
    assert!(ratio < 3.0, "{ratio:.2} times the true error is stated");
}

#[test]
fn what_is_moved_off_the_edge_is_found_as_bias() {
    let subject = &subjects()[0];
    let mut made = made(subject, 1.0, 0.34, 0.0);
    let mut mesh = made.solid.clone().into_mesh();
    for vertex in &mut mesh.vertices {
        let out = (vertex.vec() - ball(8.0).middle.vec()).try_normalize().unwrap();
        *vertex = Point::from_vec(vertex.vec() + out * 0.15);
    }
    made.solid = Solid::new(mesh).unwrap();
    let moved = vec![0.15; made.solid.mesh().vertices.len()];
    let budget = budget_of(&made, &Edits { moved: Some(&moved), decimation: 0.0 });
    // The edge is found again to a tenth of the movement or so.
    assert!((budget.mean_bias - 0.15).abs() < 0.02, "{}", budget.mean_bias);
    assert!((budget.moved[0] - 0.15).abs() < 1e-6 && (budget.moved[1] - 0.15).abs() < 1e-6);
    assert!(budget.line().contains("edited by 0.15 mm"), "{}", budget.line());
}

#[test]
fn decimation_adds_a_fifth_of_its_bound_and_nothing_else() {
    let made = made(&subjects()[0], 1.0, 0.34, 0.0);
    let plain = budget_of(&made, &Edits::default());
    let coarse = budget_of(&made, &Edits { moved: None, decimation: 0.1 });
    assert_eq!(plain.bias, coarse.bias);
    for (a, b) in plain.u95.iter().zip(&coarse.u95) {
        let added = (b * b - a * a).sqrt();
        // 1.96 × 0.1 / 5; the rest is rounding of f32.
        assert!((added - 0.0392).abs() < 1e-4, "{added}");
    }
}

#[test]
fn movements_of_another_surface_are_refused() {
    let made = made(&subjects()[0], 2.0, 0.34, 0.0);
    let edits = Edits { moved: Some(&[0.1; 3]), decimation: 0.0 };
    let refused = budget(&made.solid, &made.volume, &made.levels, &made.spread, &edits, &Ctx::default());
    assert!(matches!(refused, Err(BudgetError::Vertices { moved: 3, .. })));
}
