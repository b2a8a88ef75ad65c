#!/usr/bin/env python3
"""How well `osteon inspect` recovers what a simulated print and scan did to a real bone.

Needs numpy, scipy, scikit-image, SimpleITK and trimesh, the data in shared/data, and a built `osteon`:

    python benches/inspection.py target/release/osteon [cases] [seed]

Each case takes a plan (vertebra of a published mask, pelvic fragment of a published STL), triangulates it anew, scales it along each axis about the middle of its box, bends it by z += k r², adds noise to
every vertex, throws 2 % of them far off, cuts it down in every second case, and turns it any way. A line tells, against
the truth, the error of scale over half of the part's size, of the bend where it is most, and of the noise, in mm.
"""
import json, os, subprocess, sys, tempfile, time
import numpy as np, trimesh, SimpleITK as sitk
from pathlib import Path
from scipy.spatial.transform import Rotation

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def vertebra():
    from skimage import measure
    image = sitk.ReadImage(str(DATA / "verse004_mask" / "sub-verse004_seg-vert_msk.nii.gz"))
    labels = sitk.GetArrayFromImage(image)
    values = [v for v in np.unique(labels) if v]
    mask = sitk.Cast(image == int(values[len(values) // 2]), sitk.sitkFloat32)
    mask = sitk.Resample(sitk.SmoothingRecursiveGaussian(mask, 1.0), [int(s * sp / 0.7) for s, sp in zip(mask.GetSize(), mask.GetSpacing())],
                         sitk.Transform(), sitk.sitkLinear, mask.GetOrigin(), (0.7,) * 3, mask.GetDirection())
    array = np.pad(sitk.GetArrayFromImage(mask), 1)
    v, f, _, _ = measure.marching_cubes(array, 0.5, spacing=(0.7,) * 3)
    mesh = trimesh.Trimesh(v[:, ::-1], f)
    return max(mesh.split(), key=lambda m: m.volume)


def fragment():
    files = sorted((DATA / "sutuk_pelvic_fracture").rglob("*.stl"), key=lambda p: p.stat().st_size)
    mesh = trimesh.load(files[len(files) // 2])
    return max(mesh.split(only_watertight=False), key=lambda m: len(m.faces))


def retriangulated(mesh):
    """Each triangle divided about a place inside it, then with other diagonals: vertices on the plan's surface."""
    rng = np.random.default_rng(0)
    weights = rng.dirichlet((3, 3, 3), len(mesh.faces))
    inner = np.einsum("fk,fkd->fd", weights, mesh.triangles)
    first = len(mesh.vertices)
    centre = first + np.arange(len(mesh.faces))
    faces = []
    pairs, sides = mesh.face_adjacency, mesh.face_adjacency_edges
    for (a, b), (u, v) in zip(pairs, sides):
        # The two halves beside a side share it; turned, they join the two inner places instead.
        face = mesh.faces[a].tolist()
        if face[(face.index(u) + 1) % 3] != v:
            u, v = v, u
        faces += [[u, centre[b], centre[a]], [centre[b], v, centre[a]]]
    fine = trimesh.Trimesh(np.vstack([mesh.vertices, inner]), faces, process=False)
    return fine


def scan(fine, plan, rng, partial):
    middle = plan.bounds.mean(axis=0)
    scale = 1 + rng.uniform(-0.005, 0.005, 3)
    bend = rng.uniform(0.1, 0.5) * rng.choice([-1, 1])
    noise = rng.uniform(0.02, 0.1)
    c = fine.vertices - middle
    radius = np.max(np.linalg.norm((plan.vertices - middle)[:, :2], axis=1))
    k = bend / radius ** 2
    v = middle + scale * c + np.outer(k * (c[:, 0] ** 2 + c[:, 1] ** 2), [0, 0, 1])
    v = v + rng.normal(0, noise, v.shape)
    stray = rng.random(len(v)) < 0.02
    v[stray] += rng.normal(0, 2.0, (stray.sum(), 3))
    f = fine.faces
    if partial:
        d = rng.normal(size=3)
        along = fine.triangles_center @ (d / np.linalg.norm(d))
        order = np.argsort(along)
        area = np.cumsum(fine.area_faces[order])
        f = f[order[area <= 0.6 * area[-1]]]
    turn = Rotation.random(random_state=int(rng.integers(1 << 31))).as_matrix()
    v = v @ turn.T + rng.uniform(-200, 200, 3)
    return trimesh.Trimesh(v, f, process=False), scale, k, noise


def main():
    osteon, cases, seed = sys.argv[1], int((sys.argv[2:] or [20])[0]), int((sys.argv[3:] or [1])[0])
    rng = np.random.default_rng(seed)
    plans = {"vertebra": vertebra(), "fragment": fragment()}
    fine = {name: retriangulated(mesh) for name, mesh in plans.items()}
    worst = {"whole": np.zeros(3), "60 %": np.zeros(3)}
    inside = np.zeros(2)
    print("plan      seen   scale error x,y,z (mm)   lift error (of)     noise error (of)  95%-inside  CPU s")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for n in range(cases):
            name, partial = list(plans)[n % 2], n // 2 % 2 == 1
            plan = plans[name]
            plan.export(folder / "plan.stl")
            mesh, scale, k, noise = scan(fine[name], plan, rng, partial)
            mesh.export(folder / "scan.stl")
            before = os.times()
            out = folder / f"out{n}"
            run = subprocess.run([osteon, "inspect", str(folder / "scan.stl"), "--against", str(folder / "plan.stl"),
                                  "--tolerance", "0.5", "--out", str(out)], capture_output=True, text=True)
            after = os.times()
            if not (out / "report.json").exists():
                print(name, "FAILED", run.returncode, run.stderr[-300:])
                worst["60 %" if partial else "whole"][:] = np.inf
                continue
            report = json.loads((out / "report.json").read_text())["scan"]
            found = report["explained"]
            half = 0.5 * plan.extents
            got = np.array([s["value"] for s in found["scale"]])
            width = np.array([s["half"] for s in found["scale"]])
            at = np.array(found["warp"]["at"]) - plan.bounds.mean(axis=0)
            lift = k * (at[0] ** 2 + at[1] ** 2)
            errors = (got - scale) * half, found["lift"]["value"] - lift, found["noise"] - noise
            inside += [np.sum(np.abs(got - scale) <= width) + (abs(errors[1]) <= found["lift"]["half"]), 4]
            kind = "60 %" if partial else "whole"
            worst[kind] = np.maximum(worst[kind], [np.max(np.abs(errors[0])), abs(errors[1]), abs(errors[2])])
            cpu = after.children_user + after.children_system - before.children_user - before.children_system
            print(f"{name:9} {report['distances']['seen']:.2f}  {errors[0][0]:+.3f} {errors[0][1]:+.3f} {errors[0][2]:+.3f}"
                  f"   {errors[1]:+.3f} ({lift:+.2f} ± {found['lift']['half']:.3f})  {errors[2]:+.3f} ({noise:.3f})  "
                  f"{report['hand']}  {cpu:.1f}", flush=True)
    for kind, (a, b, c) in worst.items():
        print(f"worst, {kind}: scale {a:.3f}, lift {b:.3f}, noise {c:.3f} mm")
    print(f"truth within the 95 % interval: {inside[0]:.0f} of {inside[1]:.0f}")


main()
