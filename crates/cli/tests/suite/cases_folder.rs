//! What a scan comes in: folders, discs, archives, links, pipes; and volumes in other formats.

use crate::case;
use crate::generate::{Body, Layout, Set, head, syntax};
use crate::pack::{self, Entry};
use crate::scene::Shape;
use crate::series::{Folder, Kept, SERIES, Series, ct, plain};
use crate::verdict::{Case, Verdict};

const CLASS: &str = "folder";

fn legal(name: &str, make: impl Fn() -> Folder + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Legal(&[]), make)
}

fn refuse(name: &str, make: impl Fn() -> Folder + Send + Sync + 'static) -> Case {
    case(CLASS, name, Verdict::Refuse, move || Folder { truth: vec![], ..make() })
}

pub fn cases() -> Vec<Case> {
    let mut cases = folders();
    cases.extend(discs());
    cases.extend(archives());
    cases.extend(others());
    cases
}

fn folders() -> Vec<Case> {
    let mut cases = vec![
        legal("nested-folders", || {
            plain().each(|k, i| i.name = format!("a/b{}/c/{}", k % 3, i.name)).folder()
        }),
        legal("folder-31-deep", || plain().under(&["d"; 25].join("/")).folder()),
        legal("odd-names", || {
            plain()
                .each(|k, i| {
                    i.name = ["Ä ö.dcm", "a b", "-o", "--json", "..x", "x~", "$(id)"][k % 7].to_owned()
                        + &k.to_string()
                })
                .folder()
        }),
        legal("hidden-and-mac-files-beside", || {
            let folder = plain().folder();
            folder.file("._IM0001", vec![0, 5, 22, 7, 0, 2]).file(".DS_Store", b"Bud1".to_vec())
        }),
        legal("pipe-in-the-folder", || Folder { pipes: vec!["pipe".into()], ..plain().folder() }),
        legal("links-in-a-circle", || {
            let links =
                vec![("again".into(), ".".into()), ("a".into(), "b".into()), ("b".into(), "a".into())];
            Folder { links, ..plain().folder() }
        }),
        legal("link-out-of-the-folder", || {
            let links = vec![("passwd".into(), "/etc/passwd".into()), ("zero".into(), "/dev/zero".into())];
            Folder { links, ..plain().folder() }
        }),
        legal("link-to-nowhere", || Folder {
            links: vec![("gone".into(), "nowhere".into())],
            ..plain().folder()
        }),
        case(CLASS, "every-slice-linked-again", Verdict::WarnOrRefuse(&[]), || {
            let links = (1..=20).map(|k| (format!("link{k}"), format!("IM{k:04}"))).collect();
            Folder { links, ..plain().folder() }
        }),
        refuse("folder-empty", Folder::default),
        case(CLASS, "folder-that-is-not-there", Verdict::Usage, || Folder::default().input("gone")),
        case(CLASS, "input-is-a-pipe", Verdict::Usage, || {
            Folder { pipes: vec!["pipe".into()], ..Folder::default() }.input("pipe")
        }),
        refuse("only-texts", || {
            Folder::default().file("a.txt", b"hello".to_vec()).file("b.txt", vec![0; 400])
        }),
        refuse("only-an-empty-file", || Folder::default().file("IM0001", vec![])),
        refuse("one-file-of-a-series", || plain().folder().input("IM0007")),
        refuse("input-is-a-text", || Folder::default().file("a.txt", b"hello".to_vec()).input("a.txt")),
        refuse("only-zeros", || Folder::default().file("IM0001", vec![0; 100_000])),
        refuse("only-marks", || {
            let mut bytes = vec![0; 128];
            bytes.extend(b"DICM");
            Folder::default().file("IM0001", bytes)
        }),
        case(CLASS, "extension-lies", Verdict::Legal(&[]), || plain().each(|_, i| i.name.push_str(".jpg"))),
    ];
    for (n, part) in [3_usize, 100, 130, 140, 200, 400, 700, 900, 1200, 5000, 10_000].into_iter().enumerate()
    {
        // One slice cut there: a gap that is told, or a refusal.
        let name = format!("cut-after-{part}-bytes");
        let verdict = Verdict::WarnOrRefuse(&["slab-not-measured"]);
        cases.push(case(CLASS, &name, verdict, move || {
            let mut broken = plain().images.remove(5 + n).bytes();
            broken.truncate(part);
            plain().lost(5 + n..6 + n).folder().file(&format!("IM{:04}", 6 + n), broken)
        }));
        cases.push(refuse(&format!("all-cut-after-{part}-bytes"), move || {
            plain().folder().spoil_all(|b| b.truncate(part))
        }));
    }
    cases.push(case(CLASS, "cut-by-one-byte", Verdict::WarnOrRefuse(&["slab-not-measured"]), || {
        let mut broken = plain().images.remove(9).bytes();
        broken.pop();
        plain().lost(9..10).folder().file("IM0010", broken)
    }));
    cases
}

/// A DICOMDIR whose records point to these files (components joined by backslashes).
fn dicomdir(files: &[String]) -> Vec<u8> {
    let record = |kind: &str, file: Option<&str>| {
        let mut set = Set::default();
        set.put(0x0004_1400, "UL", Body::Longs(vec![0])).put(0x0004_1420, "UL", Body::Longs(vec![0]));
        set.text(0x0004_1430, "CS", kind).short(0x0004_1410, 0xffff);
        if let Some(file) = file {
            set.text(0x0004_1500, "CS", file);
        }
        set
    };
    let mut records = vec![record("PATIENT", None), record("STUDY", None), record("SERIES", None)];
    records.extend(files.iter().map(|f| record("IMAGE", Some(f))));
    let mut set = Set::default();
    set.text(0x0004_1130, "CS", "DISC").put(0x0004_1200, "UL", Body::Longs(vec![0]));
    set.short(0x0004_1212, 0).items(0x0004_1220, records);
    let mut out = head(crate::generate::Head::Whole, syntax::EXPLICIT, ["1.2.840.10008.1.3.10", "1.2.3"]);
    out.extend(set.bytes(Layout::Explicit));
    out
}

/// The usual series as a disc has it.
fn disc() -> Series {
    plain().under("DICOM/S1")
}

fn disc_files() -> Vec<String> {
    disc().images.iter().map(|i| i.name.replace('/', "\\")).collect()
}

fn discs() -> Vec<Case> {
    let other = || ct(&Shape::axial().seeded(2)).under("OTHER");
    let pointing = |to: &'static str| {
        move || {
            let mut files = disc_files();
            files.push(to.to_owned());
            disc().folder().file("DICOMDIR", dicomdir(&files)).input("DICOMDIR")
        }
    };
    let strange = || Verdict::WarnOrRefuse(&[]);
    vec![
        legal("disc-as-folder", || disc().folder().file("DICOMDIR", dicomdir(&disc_files()))),
        legal("disc-by-dicomdir", || {
            disc().folder().file("DICOMDIR", dicomdir(&disc_files())).input("DICOMDIR")
        }),
        case(CLASS, "dicomdir-that-leaves-a-series-out", strange(), move || {
            let folder = disc().folder().file("DICOMDIR", dicomdir(&disc_files())).input("DICOMDIR");
            folder.and(&other())
        }),
        case(CLASS, "dicomdir-in-other-capitals", strange(), || {
            let small = disc_files().iter().map(|f| f.to_lowercase()).collect::<Vec<_>>();
            disc().folder().file("DICOMDIR", dicomdir(&small)).input("DICOMDIR")
        }),
        case(
            CLASS,
            "dicomdir-to-a-missing-slice",
            Verdict::WarnOrRefuse(&["slab-not-measured", "file-missing", "files-missing"]),
            || disc().lost(8..9).folder().file("DICOMDIR", dicomdir(&disc_files())).input("DICOMDIR"),
        ),
        case(CLASS, "dicomdir-out-of-the-folder", strange(), pointing("..\\..\\..\\..\\..\\etc\\passwd")),
        case(CLASS, "dicomdir-to-an-absolute-path", strange(), pointing("/etc/passwd")),
        case(CLASS, "dicomdir-to-a-drive", strange(), pointing("C:\\WINDOWS\\WIN.INI")),
        case(CLASS, "dicomdir-to-itself", strange(), pointing("DICOMDIR")),
        case(CLASS, "dicomdir-to-a-file-twice", strange(), pointing("DICOM\\S1\\IM0004")),
        refuse("dicomdir-alone", || {
            Folder::default().file("DICOMDIR", dicomdir(&disc_files())).input("DICOMDIR")
        }),
        refuse("dicomdir-only-out-of-the-folder", || {
            let files =
                ["..\\..\\etc\\passwd".to_owned(), "\\\\server\\share\\x".to_owned(), "..".to_owned()];
            Folder::default().file("DICOMDIR", dicomdir(&files)).input("DICOMDIR")
        }),
        case(CLASS, "dicomdir-through-a-link-out", strange(), || {
            let mut files = disc_files();
            files.push("OUT\\passwd".to_owned());
            let folder = disc().folder().file("DICOMDIR", dicomdir(&files)).input("DICOMDIR");
            Folder { links: vec![("OUT".into(), "/etc".into())], ..folder }
        }),
    ]
}

/// Files as deflated entries.
fn entries(files: &[(String, Vec<u8>)]) -> Vec<Entry> {
    files.iter().map(|(name, bytes)| Entry::deflated(name, bytes)).collect()
}

fn archives() -> Vec<Case> {
    let bomb = || {
        let packed = pack::bomb(b"", 600 << 20);
        Entry { name: "IM9999".into(), method: 8, packed, size: 600 << 20, crc: 0, mode: 0 }
    };
    let with = move |entry: fn() -> Entry| {
        move || {
            let mut folder = plain().folder();
            let mut all = entries(&folder.files);
            all.push(entry());
            folder.files = vec![("scan.zip".into(), pack::zip_of(&all))];
            folder.input("scan.zip")
        }
    };
    let strange = || Verdict::WarnOrRefuse(&[]);
    vec![
        legal("zip", || plain().folder().zipped()),
        legal("zip-of-folders", || {
            plain().under("study/series").folder().file("study/readme.txt", b"hello".to_vec()).zipped()
        }),
        case(CLASS, "zip-in-a-folder", strange(), || Folder {
            input: String::new(),
            ..plain().folder().zipped()
        }),
        legal("zip-of-two-series", || {
            plain().folder().and(&ct(&Shape::axial().seeded(2)).under("b")).zipped()
        }),
        case(CLASS, "zip-under-another-name", strange(), || {
            let mut folder = plain().folder().zipped();
            folder.files[0].0 = "scan.bin".into();
            folder.input("scan.bin")
        }),
        case(CLASS, "zip-that-slips-out", strange(), with(|| Entry::stored("../../slipped.dcm", b"x"))),
        case(
            CLASS,
            "zip-with-an-absolute-path",
            strange(),
            with(|| Entry::stored("/tmp/osteon-slipped", b"x")),
        ),
        case(
            CLASS,
            "zip-with-a-link",
            strange(),
            with(|| Entry { mode: 0o120_777, ..Entry::stored("link", b"/etc/passwd") }),
        ),
        case(
            CLASS,
            "zip-with-a-wrong-check-sum",
            strange(),
            with(|| Entry { crc: 1, ..Entry::stored("notes.txt", b"hello") }),
        ),
        case(CLASS, "zip-with-a-bomb-beside", strange(), with(bomb)),
        refuse("zip-bomb", move || Folder::default().file("b.zip", pack::zip_of(&[bomb()])).input("b.zip")),
        refuse("zip-that-says-4-gb", || {
            let entry = Entry { size: 0xffff_fff0, ..Entry::deflated("IM0001", &plain().images[0].bytes()) };
            Folder::default().file("b.zip", pack::zip_of(&[entry])).input("b.zip")
        }),
        refuse("zip-cut", || plain().folder().zipped().spoil("scan.zip", |b| b.truncate(b.len() / 2))),
        refuse("zip-with-a-flipped-bit-in-a-slice", || {
            plain().folder().zipped().spoil("scan.zip", |b| b[6000] ^= 1)
        }),
        refuse("zip-without-entries", || Folder::default().file("b.zip", pack::zip_of(&[])).input("b.zip")),
        refuse("zip-of-texts", || Folder::default().file("a.txt", b"hello".to_vec()).zipped()),
        case(CLASS, "zip-with-a-name-twice", strange(), || {
            let mut folder = plain().folder();
            let other = ct(&Shape::axial().seeded(2)).images.remove(0);
            let mut all = entries(&folder.files);
            all.push(Entry::stored("IM0001", &other.bytes()));
            folder.files = vec![("scan.zip".into(), pack::zip_of(&all))];
            Folder { truth: vec![], ..folder.input("scan.zip") }
        }),
        case(CLASS, "zip-of-zips", strange(), || {
            let inner = plain().folder().zipped().files.remove(0).1;
            let bytes = pack::zip_of(&[Entry::stored("inner.zip", &inner)]);
            Folder { truth: vec![plain().truth()], ..Folder::default() }.file("b.zip", bytes).input("b.zip")
        }),
        refuse("zip-of-100000-empty-files", || {
            let all: Vec<_> = (0..60_000).map(|n| Entry::stored(&n.to_string(), b"")).collect();
            Folder::default().file("b.zip", pack::zip_of(&all)).input("b.zip")
        }),
    ]
}

/// The usual volume as NRRD with this header (sizes and type are written here).
fn nrrd(space: &str, turn: fn([f64; 3]) -> [f64; 3]) -> Vec<u8> {
    let series = plain();
    let [first, second] = [0, 1].map(|k| series.images[k].plane.clone());
    let step = crate::scene::sub(second.origin, first.origin);
    let text = |v: [f64; 3]| {
        let [x, y, z] = turn(v);
        format!("({x},{y},{z})")
    };
    let mut out = format!(
        "NRRD0004\ntype: short\ndimension: 3\nspace: {space}\nsizes: 64 80 20\nspace directions: {} {} {}\nkinds: domain \
         domain domain\nendian: little\nencoding: raw\nspace origin: {}\n\n",
        text(first.x),
        text(first.y),
        text(step),
        text(first.origin)
    )
    .into_bytes();
    for image in &series.images {
        out.extend(image.plane.hu.iter().flat_map(|&hu| (hu as i16).to_le_bytes()));
    }
    out
}

/// The usual volume as NIfTI-1 with an sform, int16.
fn nifti() -> Vec<u8> {
    let series = plain();
    let [first, second] = [0, 1].map(|k| series.images[k].plane.clone());
    let step = crate::scene::sub(second.origin, first.origin);
    let mut head = vec![0_u8; 352];
    head[0..4].copy_from_slice(&348_i32.to_le_bytes());
    for (n, size) in [3_i16, 64, 80, 20, 1, 1, 1, 1].into_iter().enumerate() {
        head[40 + 2 * n..42 + 2 * n].copy_from_slice(&size.to_le_bytes());
    }
    head[70..72].copy_from_slice(&4_i16.to_le_bytes());
    head[72..74].copy_from_slice(&16_i16.to_le_bytes());
    for (n, step) in [1.0_f32, 0.7, 0.8, 1.5].into_iter().enumerate() {
        head[76 + 4 * n..80 + 4 * n].copy_from_slice(&step.to_le_bytes());
    }
    head[108..112].copy_from_slice(&352.0_f32.to_le_bytes());
    head[112..116].copy_from_slice(&1.0_f32.to_le_bytes());
    head[123] = 2;
    head[254..256].copy_from_slice(&1_i16.to_le_bytes());
    for row in 0..3 {
        // RAS: left and posterior change their sign.
        let sign = if row < 2 { -1.0 } else { 1.0 };
        for (column, vector) in [first.x, first.y, step, first.origin].into_iter().enumerate() {
            let at = 280 + 16 * row + 4 * column;
            head[at..at + 4].copy_from_slice(&((vector[row] * sign) as f32).to_le_bytes());
        }
    }
    head[344..348].copy_from_slice(b"n+1\0");
    for image in &series.images {
        head.extend(image.plane.hu.iter().flat_map(|&hu| (hu as i16).to_le_bytes()));
    }
    head
}

/// A folder with one volume file, which is given to the program.
fn volume(name: &str, bytes: Vec<u8>) -> Folder {
    let mut truth = plain().unit(None).truth();
    truth.kept = Kept::Exactly;
    Folder { truth: vec![truth], ..Folder::default() }.file(name, bytes).input(name)
}

fn put(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes[at..at + with.len()].copy_from_slice(with);
}

/// A text of the header replaced by another.
fn replaced(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
    bytes.splice(at..at + from.len(), to.bytes());
    bytes
}

fn others() -> Vec<Case> {
    let lps = |v: [f64; 3]| v;
    let ras = |[x, y, z]: [f64; 3]| [-x, -y, z];
    let las = |[x, y, z]: [f64; 3]| [x, -y, z];
    let changed = |name: &str, from: &'static str, to: &'static str| {
        refuse(name, move || volume("v.nrrd", replaced(nrrd("left-posterior-superior", |v| v), from, to)))
    };
    let spoiled = |name: &str, at: usize, with: &'static [u8]| {
        refuse(name, move || {
            let mut bytes = nifti();
            put(&mut bytes, at, with);
            volume("v.nii", bytes)
        })
    };
    vec![
        case(CLASS, "nrrd-lps", Verdict::WarnOrRefuse(UNIT), move || {
            volume("v.nrrd", nrrd("left-posterior-superior", lps))
        }),
        legal("nrrd-ras", move || volume("v.nrrd", nrrd("right-anterior-superior", ras))),
        legal("nrrd-las", move || volume("v.nrrd", nrrd("left-anterior-superior", las))),
        legal("nrrd-under-another-name", move || volume("v.dcm", nrrd("left-posterior-superior", lps))),
        legal("nrrd-in-a-zip", move || {
            let mut folder = volume("v.nrrd", nrrd("LPS", lps));
            folder.input.clear();
            folder.zipped()
        }),
        legal("nrrd-in-a-folder", move || Folder {
            input: String::new(),
            ..volume("v.nrrd", nrrd("LPS", lps))
        }),
        case(CLASS, "nrrd-beside-dicom", Verdict::WarnOrRefuse(&[]), move || {
            let other = plain().text(SERIES, "1.2.3.9");
            Folder { input: String::new(), ..volume("v.nrrd", nrrd("LPS", lps)) }.and(&other)
        }),
        changed("nrrd-without-space", "space: left-posterior-superior\n", ""),
        changed("nrrd-of-unknown-space", "left-posterior-superior", "scanner-xyz"),
        changed("nrrd-without-directions", "space directions:", "x-directions:"),
        changed("nrrd-sizes-too-large", "sizes: 64 80 20", "sizes: 64 80 21"),
        changed("nrrd-sizes-of-a-bomb", "sizes: 64 80 20", "sizes: 2000000 2000000 20"),
        changed("nrrd-sizes-overflow", "sizes: 64 80 20", "sizes: 4294967296 4294967296 4294967296"),
        changed("nrrd-nan-direction", "(0.7,0,0)", "(nan,0,0)"),
        changed("nrrd-flat-directions", "(0.7,0,0)", "(0,0,0)"),
        changed("nrrd-of-blocks", "type: short", "type: block"),
        changed("nrrd-of-four-dimensions", "dimension: 3", "dimension: 4"),
        changed("nrrd-detached", "encoding: raw\n", "encoding: raw\ndata file: /etc/passwd\n"),
        case(CLASS, "nifti", Verdict::Legal(&[]), || volume("v.nii", nifti())),
        spoiled("nifti-without-orientation", 254, &[0, 0]),
        spoiled("nifti-of-a-bomb", 42, &[0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f]),
        spoiled("nifti-of-negative-size", 42, &[0xff, 0xff]),
        spoiled("nifti-of-five-volumes", 40, &[4, 0, 64, 0, 80, 0, 4, 0, 5, 0]),
        spoiled("nifti-of-colours", 70, &[128, 0, 24, 0]),
        spoiled("nifti-nan-slope", 112, &[0, 0, 0xc0, 0x7f]),
        spoiled("nifti-nan-place", 280, &[0, 0, 0xc0, 0x7f]),
        spoiled("nifti-offset-outside", 108, &[0, 0, 0x80, 0x4e]),
        spoiled("nifti-without-magic", 344, b"xxx\0"),
        refuse("nifti-cut", || {
            let mut bytes = nifti();
            bytes.truncate(bytes.len() - 100);
            volume("v.nii", bytes)
        }),
        refuse("nifti-qform-disagrees", || {
            let mut bytes = nifti();
            put(&mut bytes, 252, &[1, 0]);
            volume("v.nii", bytes)
        }),
        refuse("analyze", || {
            let mut bytes = nifti();
            put(&mut bytes, 344, &[0; 4]);
            bytes.truncate(348);
            volume("v.hdr", bytes)
        }),
        refuse("metaimage-of-a-bomb", || {
            let head = "ObjectType = Image\nNDims = 3\nBinaryData = True\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n\
                ElementSpacing = 1 1 1\nDimSize = 60000 60000 60000\nElementType = MET_SHORT\nElementDataFile = LOCAL\n";
            volume("v.mha", head.as_bytes().to_vec())
        }),
        refuse("metaimage-pointing-out", || {
            let head = "ObjectType = Image\nNDims = 3\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\n\
                DimSize = 10 10 10\nElementType = MET_UCHAR\nElementDataFile = ../../../../../../etc/passwd\n";
            volume("v.mhd", head.as_bytes().to_vec())
        }),
    ]
}

const UNIT: &[&str] = &[];
