//! STL: no unit, no connections, and many programs that write it.

use super::make::{
    Facets, SIZE, VOLUME, ascii, binary, block, counted, joined, mapped, part, scaled, turned,
};
use super::{Body, Case, Flaw, Wanted, case};
use osteon_io::mesh_file::MeshFormat::Stl;

const fn sound(volume: f64) -> Wanted {
    Wanted::Read(Stl, Body::Solid(volume), &[])
}

const fn warned(volume: f64, findings: &'static [&'static str]) -> Wanted {
    Wanted::Read(Stl, Body::Solid(volume), findings)
}

const fn broken(flaw: Flaw, place: [f64; 3]) -> Wanted {
    Wanted::Read(Stl, Body::Broken(flaw, place), &[])
}

pub(super) fn cases() -> Vec<Case> {
    [cut_or_lying(), numbers(), shapes(), several_bodies(), text()].into_iter().flatten().collect()
}

fn cut_or_lying() -> Vec<Case> {
    let good = binary(&part());
    let page = b"<!DOCTYPE html><html><body>Sign in to download</body></html>".to_vec();
    let step = b"ISO-10303-21;\nHEADER;\nFILE_DESCRIPTION((''),'2;1');\n".repeat(4);
    let mut more = good.clone();
    more.extend([0; 7]);
    let wrong = |count: u32| counted("made by hand", count, &part());
    const COUNT: &str = "mesh-file-count";
    vec![
        case("an empty file", Vec::new(), Wanted::Refused("mesh-file-unknown", &["empty"])),
        case("50 bytes", good[..50].to_vec(), Wanted::Refused("mesh-file-truncated", &["50 bytes", "84"])),
        case("a web page called .stl", page, Wanted::Refused("mesh-file-unknown", &["web page"])),
        case("a STEP file called .stl", step, Wanted::Refused("mesh-file-unknown", &["text"])),
        case("only a header", wrong(0)[..84].to_vec(), Wanted::Refused("mesh-file-empty", &["STL"])),
        case("a huge count", wrong(0xffff_fff0), Wanted::Refused(COUNT, &["4294967280", "684 bytes"])),
        case("a count five too large", wrong(17), Wanted::Refused(COUNT, &["17 triangles", "934", "684"])),
        case("a count four too small", wrong(8), Wanted::Refused(COUNT, &["8 triangles", "484", "684"])),
        case("cut in the middle", good[..400].to_vec(), Wanted::Refused(COUNT, &["400 bytes"])),
        case("bytes behind the end", more, Wanted::Refused(COUNT, &["691 bytes"])),
    ]
}

fn numbers() -> Vec<Case> {
    let with = |value: f64| {
        let mut facets = part();
        facets[7][1][2] = value;
        binary(&facets)
    };
    let head = |text: &str, facets: &Facets| counted(text, facets.len() as u32, facets);
    let mut no_normals = binary(&part());
    no_normals[84..96].copy_from_slice(&[0xff; 12]);
    let mut coloured = binary(&part());
    coloured[84 + 48..84 + 50].copy_from_slice(&[0x1f, 0x80]);
    let minus = mapped(&part(), |p| p.map(|c| if c == 0.0 { -0.0 } else { c }));
    let zeros = joined(&[part()[..6].to_vec(), minus[6..].to_vec()]);
    const COORDINATE: &str = "mesh-file-coordinate";
    vec![
        case("a NaN", with(f64::NAN), Wanted::Refused(COORDINATE, &["NaN"])),
        case("an infinity", with(f64::INFINITY), Wanted::Refused(COORDINATE, &["inf"])),
        case("a coordinate of 1e31", with(1e31), Wanted::Refused(COORDINATE, &["10 km"])),
        case("normals that are NaN", no_normals, sound(VOLUME)),
        case("colours in the spare bytes", coloured, sound(VOLUME)),
        case("both zeros", binary(&zeros), sound(VOLUME)),
        case("a header that begins with solid", head("solid part", &part()), sound(VOLUME)),
        case("a header in millimetres and RAS", head("SPACE=RAS UNIT=mm", &part()), sound(VOLUME)),
        case("a header in inches", head("UNIT=inch", &part()), sound(VOLUME * 25.4 * 25.4 * 25.4)),
        case(
            "a header in parsecs",
            head("UNIT=parsec", &part()),
            Wanted::Refused("mesh-file-unit", &["parsec"]),
        ),
        case(
            "a header in a frame nobody knows",
            head("SPACE=XYZ", &part()),
            Wanted::Refused("mesh-file-space", &["XYZ"]),
        ),
        case("metres", binary(&scaled(1e-3)), warned(VOLUME * 1e-9, &["unit-guess"])),
        case("inches", binary(&scaled(1.0 / 25.4)), warned(VOLUME / (25.4 * 25.4 * 25.4), &["unit-guess"])),
        case("micrometres", binary(&scaled(1e3)), warned(VOLUME * 1e9, &["unit-guess"])),
        case("a coin of a millimetre that says so", head("UNIT=mm", &scaled(0.05)), sound(VOLUME * 1.25e-4)),
    ]
}

fn shapes() -> Vec<Case> {
    let mirrored = mapped(&part(), |[x, y, z]| [-x, y, z]);
    let mut hole = part();
    hole.remove(2);
    // The first facet is divided in the middle of a side, its neighbour is not.
    let mut junction = part();
    let [a, b, c] = junction.remove(0);
    let middle = [0, 1, 2].map(|n| (a[n] + b[n]) / 2.0);
    junction.extend([[a, middle, c], [middle, b, c]]);
    let twice = joined(&[part(), part()[4..5].to_vec()]);
    let mut cracked = part();
    // The upper side a micrometre above the others.
    cracked[2..4].as_flattened_mut().iter_mut().for_each(|p| p[2] += 1e-3);
    let mut flat = part();
    flat.push([flat[0][0], flat[0][0], flat[0][1]]);
    vec![
        case("a good part", binary(&part()), sound(VOLUME)),
        case("all facets inward", binary(&turned(&part())), broken(Flaw::InsideOut(1), [10.0, 10.0, 6.55])),
        case("mirrored, facets turned", binary(&turned(&mirrored)), sound(VOLUME)),
        case(
            "mirrored, facets not turned",
            binary(&mirrored),
            broken(Flaw::InsideOut(1), [-10.0, 10.0, 6.55]),
        ),
        case("a missing facet", binary(&hole), broken(Flaw::OpenEdges(3), [10.0, 10.0, 13.1])),
        case(
            "an edge that passes a vertex by",
            binary(&junction),
            broken(Flaw::OpenEdges(3), [0.0, 5.0, 0.0]),
        ),
        case("a facet twice", binary(&twice), broken(Flaw::Edges(3), [10.0, 0.0, 0.0])),
        case("a crack of a micrometre", binary(&cracked), broken(Flaw::OpenEdges(8), [10.0, 0.0, 13.1])),
        case("a facet that is none", binary(&flat), broken(Flaw::Degenerate(1), [0.0; 3])),
    ]
}

fn several_bodies() -> Vec<Case> {
    let ten = [10.0; 3];
    let two = |low: [f64; 3]| joined(&[block([0.0; 3], ten), block(low, ten)]);
    let nested = joined(&[block([0.0; 3], [20.0; 3]), block([5.0; 3], ten)]);
    let hollow = joined(&[block([0.0; 3], [20.0; 3]), turned(&block([5.0; 3], ten))]);
    vec![
        case("two bodies apart", binary(&two([30.0, 0.0, 0.0])), sound(2000.0)),
        case(
            "two bodies in one edge",
            binary(&two([10.0, 10.0, 0.0])),
            broken(Flaw::Edges(2), [10.0, 10.0, 5.0]),
        ),
        case("two bodies in one vertex", binary(&two(ten)), broken(Flaw::Vertices(1), ten)),
        case("two bodies through each other", binary(&two([5.0; 3])), sound(2000.0)),
        case("a body within a body", binary(&nested), sound(9000.0)),
        case("a cavity", binary(&hollow), sound(7000.0)),
        case(
            "one of two inside out",
            binary(&joined(&[part(), turned(&block([40.0; 3], SIZE))])),
            broken(Flaw::InsideOut(1), [50.0, 50.0, 46.55]),
        ),
    ]
}

fn text() -> Vec<Case> {
    let good = ascii(&part());
    let bytes = |text: &str| text.as_bytes().to_vec();
    let open = good.replace("endsolid part\n", "");
    let tabs = good.to_uppercase().replace('\n', "\r\n").replace(' ', "\t ");
    let two = good.clone() + &ascii(&block([50.0; 3], SIZE));
    let four = good.replacen("endloop", "vertex 1 2 3\nendloop", 1);
    let normals = good.replace("normal 0 0 0", "normal nan nan nan");
    const SYNTAX: &str = "mesh-file-syntax";
    vec![
        case("text", bytes(&good), sound(VOLUME)),
        case("text in capitals, tabs and CRLF", bytes(&tabs), sound(VOLUME)),
        case("text without its end", bytes(&open), warned(VOLUME, &["stl-no-end"])),
        case("text with normals that are NaN", bytes(&normals), sound(VOLUME)),
        case("two solids in one text", bytes(&two), sound(2.0 * VOLUME)),
        case(
            "text cut in a facet",
            bytes(&good[..good.len() / 2]),
            Wanted::Refused("mesh-file-truncated", &["line"]),
        ),
        case(
            "text with a NaN",
            bytes(&good.replacen("13.1", "nan", 1)),
            Wanted::Refused("mesh-file-coordinate", &["NaN"]),
        ),
        case(
            "text with a decimal comma",
            bytes(&good.replace("13.1", "13,1")),
            Wanted::Refused(SYNTAX, &["13,1", "line"]),
        ),
        case(
            "text with a facet of four corners",
            bytes(&four),
            Wanted::Refused(SYNTAX, &["\"vertex\"", "endloop"]),
        ),
        case(
            "text without facets",
            bytes("solid a\nendsolid a\n"),
            Wanted::Refused("mesh-file-empty", &["STL"]),
        ),
    ]
}
