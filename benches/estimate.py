"""Time and material as `osteon advise` estimates them, against PrusaSlicer.

    python benches/estimate.py OSTEON DATA WORK standard=a.ini fine=b.ini

OSTEON is the program, DATA the shared data, WORK a folder for bones and results (kept, so that a second run goes on).
The ini files are what `osteon slice` hands to PrusaSlicer for the profile generic-250. Bones are made from masks and
fracture meshes and decimated to 12 000 triangles. Every other bone (by name) was used to fit the numbers in
crates/print/src/estimate/motion.rs; the two halves are told apart. Needs numpy, scipy, SimpleITK, nibabel, trimesh,
scikit-image, pymeshlab and PrusaSlicer.
"""

import hashlib
import json
import math
import os
import re
import resource
import struct
import subprocess
import sys


def bones(data, folder):
    """Writes the bones as STL; those that are there are kept."""
    import nibabel as nib
    import numpy as np
    import pymeshlab
    import SimpleITK as sitk
    import trimesh
    from scipy import ndimage
    from skimage import measure

    os.makedirs(folder, exist_ok=True)

    def finish(vertices, faces, name):
        meshes = pymeshlab.MeshSet()
        meshes.add_mesh(pymeshlab.Mesh(vertices.astype(np.float64), faces))
        meshes.meshing_remove_duplicate_vertices()
        if len(faces) > 12000:
            meshes.meshing_decimation_quadric_edge_collapse(
                targetfacenum=12000, preservetopology=True, qualitythr=0.5
            )
        mesh = meshes.current_mesh()
        mesh = trimesh.Trimesh(mesh.vertex_matrix(), mesh.face_matrix(), process=True)
        if mesh.volume < 0:
            mesh.invert()
        mesh.apply_translation(-mesh.bounds.mean(0))
        mesh.export(f"{folder}/{name}.stl")

    def masks(values, spacing, prefix, least):
        for label in (int(l) for l in np.unique(values) if l):
            if (values == label).sum() * np.prod(spacing) < least:
                continue
            part = np.pad(values[ndimage.find_objects((values == label).astype(int))[0]] == label, 3)
            parts, _ = ndimage.label(part)
            counts = np.bincount(parts.ravel())
            counts[0] = 0
            part = ndimage.binary_fill_holes(parts == counts.argmax()).astype(np.float32)
            smooth = ndimage.gaussian_filter(part, [0.63 / max(s, 0.3) for s in spacing])
            vertices, faces, _, _ = measure.marching_cubes(smooth, 0.5, spacing=spacing)
            finish(vertices, faces, f"{prefix}{label}")

    def nifti(path, prefix, least=3000):
        image = nib.load(f"{data}/{path}.nii.gz")
        spacing = tuple(float(z) for z in image.header.get_zooms()[:3])
        masks(np.asarray(image.dataobj).astype(int), spacing, prefix, least)

    nifti("verse004_mask/sub-verse004_seg-vert_msk", "verse", 5000)
    nifti("spinefe_verse004/nii_files/sub-verse004_0000_vertebra_21_seg", "spinefe")
    nifti("tptbox_spine_crops/ct/sub-ct_seg-vert_label-22_msk", "tptct")
    nifti("tptbox_spine_crops/mr/sub-mri_seg-vert_label-6_msk", "tptmr")
    knee = sitk.ReadImage(f"{data}/pymskt_knee/labels/SAG_3D_DESS_RIGHT_bones_cart_men_fib-label.nrrd")
    masks(sitk.GetArrayFromImage(knee), knee.GetSpacing()[::-1], "knee", 8000)
    for folder_name in ("sutuk_pelvic_fracture", "tibia_pcl_fracture"):
        for root, _, files in sorted(os.walk(f"{data}/{folder_name}")):
            for file in sorted(f for f in files if f.endswith(".stl") and f != "sacrum_2.stl" or "Case4/s" in root + "/" + f):
                pieces = trimesh.load(f"{root}/{file}").split(only_watertight=True)
                piece = max(pieces, key=lambda p: p.volume)
                name = os.path.relpath(f"{root}/{file}", data)[:-4].replace("/", "_")
                finish(np.array(piece.vertices), np.array(piece.faces), name)


def turn(up):
    """The rotation of osteon_print::Turn: the smallest that brings up to +z."""
    x, y, z = up
    if abs(x) < 1e-12 and abs(y) < 1e-12:
        return [[1, 0, 0], [0, 1, 0], [0, 0, 1]] if z > 0 else [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
    rest = 1 / (1 + z) if z > -0.5 else (1 - z) / (x * x + y * y)
    return [[1 - x * x * rest, -x * y * rest, -x], [-x * y * rest, 1 - y * y * rest, -y], [x, y, z]]


def turned(path, up, out):
    import numpy as np

    raw = open(path, "rb").read()
    count = struct.unpack("<I", raw[80:84])[0]
    kind = np.dtype([("normal", "<f4", 3), ("corner", "<f4", (3, 3)), ("rest", "<u2")])
    triangles = np.frombuffer(raw[84:], dtype=kind, count=count).copy()
    triangles["corner"] = triangles["corner"] @ np.array(turn(up), dtype=np.float32).T
    triangles["normal"] = 0
    open(out, "wb").write(raw[:84] + triangles.tobytes())


def sliced(bone, ini, work, up=(0.0, 0.0, 1.0)):
    """Seconds and filament (m) PrusaSlicer says; kept in WORK."""
    asked = f"{os.path.basename(bone)} {open(ini).read()} {[round(c, 9) for c in up]}"
    key = f"{work}/{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
    if not os.path.exists(key + ".json"):
        turned(bone, up, key + ".stl")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = ["nice", "prusa-slicer", "--export-gcode", "--loglevel", "1", "--load", ini]
        line += ["--center", "125,105", "--output", key + ".gcode", key + ".stl"]
        subprocess.run(line, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        gcode = open(key + ".gcode", errors="replace").read()
        filament = float(re.search(r"; filament used \[mm\] = ([\d.]+)", gcode)[1]) / 1000
        said = re.search(r"; estimated printing time \(normal mode\) = (.*)", gcode)[1]
        each = {"d": 86400, "h": 3600, "m": 60, "s": 1}
        seconds = sum(int(n) * each[u] for n, u in re.findall(r"(\d+)([dhms])", said))
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        json.dump({"seconds": seconds, "metres": filament, "cpu": cpu}, open(key + ".json", "w"))
        for end in (".stl", ".gcode"):
            os.remove(key + end)
    return json.load(open(key + ".json"))


def advised(osteon, bone, up, goal="time"):
    """What `osteon advise` says of a bone as data."""
    up = up if isinstance(up, str) else ",".join(repr(float(c)) for c in up)
    line = [osteon, "advise", bone, f"--up={up}", "--goal", goal, "--purpose", "teaching", "--json"]
    answer = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    return answer.get("data", answer)["objects"][0]


def main():
    osteon, data, work = sys.argv[1:4]
    folder = f"{work}/bones"
    if not os.path.isdir(folder):
        bones(data, folder)
    names = sorted(os.listdir(folder))
    for profile, ini in (pair.split("=") for pair in sys.argv[4:]):
        off = {True: [], False: []}
        for number, name in enumerate(names):
            truth = sliced(f"{folder}/{name}", ini, work)
            choice = next(
                c
                for c in advised(osteon, f"{folder}/{name}", (0, 0, 1))["choices"]
                if c["title"] == f"generic-250 {profile}"
            )
            plastic = truth["metres"] * 1000 * math.pi * 1.75**2 / 4
            errors = (choice["seconds"] / truth["seconds"] - 1, choice["plastic_mm3"] / plastic - 1)
            off[number % 2 == 0].append(errors)
            print(f"{profile:9} {name:40} time {errors[0]:+.1%} material {errors[1]:+.1%}", flush=True)
        for fitted, errors in off.items():
            for what, each in zip(("time", "material"), zip(*errors)):
                size = sorted(abs(e) for e in each)
                half = "fitted on" if fitted else "unseen"
                print(f"{profile} {half} {what}: median {size[len(size) // 2]:.1%}, largest {size[-1]:.1%}")


if __name__ == "__main__":
    main()
