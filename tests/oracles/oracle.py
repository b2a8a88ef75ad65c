"""Holds files written by Osteon against independent readers.

oracle.py dicom FOLDER TRUTH.json    pydicom and SimpleITK place every sample where the truth says
oracle.py nrrd FILE TRUTH.json       SimpleITK reads the same volume
oracle.py meshes FOLDER TRUTH.json   lib3mf (strict), trimesh and OpenUSD read the same solid from every format

Prints one line a check; the exit code is 1 if any failed. Frame: LPS, millimetres.
"""

import json
import math
import pathlib
import sys

import numpy as np

FAILED = []


def check(name, good, seen=""):
    print(("ok   " if good else "FAIL ") + name, seen)
    if not good:
        FAILED.append(name)


def near(a, b, tolerance):
    return bool(np.all(np.abs(np.asarray(a, float) - np.asarray(b, float)) <= tolerance))


def same_samples(name, values, truth):
    wrong = [(at, hu, is_) for at, hu, is_ in zip(truth["at"], truth["hu"], values) if hu != is_]
    check(f"{name}: {len(values)} samples", not wrong and len(values) == len(truth["hu"]), wrong[:10])


def same_image(image, truth, name):
    """SimpleITK image against dims, origin, axes and samples at given indices."""
    check(f"{name}: size", list(image.GetSize()) == truth["dims"], image.GetSize())
    check(f"{name}: origin", near(image.GetOrigin(), truth["origin"], 1e-4), image.GetOrigin())
    direction = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    axes = np.array(truth["axes"]).T
    check(f"{name}: axes", near(direction, axes, 1e-4), direction.tolist())
    values = [image.GetPixel(*index) for index in truth["at"]]
    same_samples(name, values, truth)


def dicom(folder, truth):
    import pydicom
    import SimpleITK

    files = sorted(pathlib.Path(folder).iterdir())
    slices = [pydicom.dcmread(path) for path in files]
    slices.sort(key=lambda s: s.InstanceNumber)
    check("pydicom: number of slices", len(slices) == truth["dims"][2], len(slices))
    axes, origin = np.array(truth["axes"]), np.array(truth["origin"])
    placed = True
    for k, s in enumerate(slices):
        position = origin + k * axes[2]
        row, column = np.array(s.ImageOrientationPatient[:3]), np.array(s.ImageOrientationPatient[3:])
        good = near(s.ImagePositionPatient, position, 1e-4)
        good &= near(row * s.PixelSpacing[1], axes[0], 1e-6) and near(column * s.PixelSpacing[0], axes[1], 1e-6)
        placed &= good
        if not good:
            check(f"pydicom: place of slice {k}", False, s.ImagePositionPatient)
    check("pydicom: place of every slice", placed)
    values = []
    for i, j, k in truth["at"]:
        s = slices[k]
        values.append(int(s.pixel_array[j, i]) * s.RescaleSlope + s.RescaleIntercept)
    same_samples("pydicom", values, truth)
    if not truth.get("tilted"):
        names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
        same_image(SimpleITK.ReadImage(names), truth, "SimpleITK")


def nrrd(path, truth):
    import SimpleITK

    same_image(SimpleITK.ReadImage(str(path)), truth, "SimpleITK")


def from_viewer(points):
    """LPS millimetres from +Y up: the inverse of the documented map."""
    x, y, z = np.asarray(points, float).T
    return np.stack([x, -z, y], axis=1)


def read_3mf(path, truth):
    import lib3mf
    import trimesh

    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(path))
    check("lib3mf: no warnings", reader.GetWarningCount() == 0, reader.GetWarningCount())
    check("lib3mf: unit", model.GetUnit() == lib3mf.ModelUnit.MilliMeter)
    check("lib3mf: thumbnail", model.HasPackageThumbnailAttachment())
    notes = model.GetMetaDataGroup()
    names = [notes.GetMetaData(n).GetName() for n in range(notes.GetMetaDataCount())]
    check("lib3mf: notes", {"Title", "Application", "notice"} <= set(names), names)
    objects, parts, ids = model.GetMeshObjects(), [], set()
    while objects.MoveNext():
        mesh = objects.GetCurrentMeshObject()
        check("lib3mf: manifold", mesh.IsManifoldAndOriented())
        has, uuid = mesh.GetUUID()
        ids.add(uuid if has else None)
        check("lib3mf: name", bool(mesh.GetName()), mesh.GetName())
        points = np.array([list(v.Coordinates) for v in mesh.GetVertices()])
        faces = np.array([list(t.Indices) for t in mesh.GetTriangleIndices()])
        parts.append(trimesh.Trimesh(points, faces, process=False))
    check("lib3mf: one identifier for each object", None not in ids and len(ids) == len(parts), ids)
    check("lib3mf: number of objects", len(parts) == truth.get("objects", 1), len(parts))
    return trimesh.util.concatenate(parts)


def read_usdz(path):
    import trimesh
    from pxr import Usd, UsdGeom, UsdValidation

    stage = Usd.Stage.Open(str(path))
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    told = [error.GetErrorAsString() for error in UsdValidation.ValidationContext(validators).Validate(stage)]
    check(f"OpenUSD: {len(validators)} validators content", bool(validators) and not told, told)
    check("OpenUSD: up is Y", UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y)
    to_mm = 1000.0 * UsdGeom.GetStageMetersPerUnit(stage)
    parts, cache = [], UsdGeom.XformCache()
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            mesh = UsdGeom.Mesh(prim)
            place = np.array(cache.GetLocalToWorldTransform(prim))
            points = np.array(mesh.GetPointsAttr().Get(), float)
            points = points @ place[:3, :3] + place[3, :3]
            faces = np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
            parts.append(trimesh.Trimesh(from_viewer(points * to_mm), faces, process=False))
    return trimesh.util.concatenate(parts)


def meshes(folder, truth):
    import trimesh

    low, high = np.array(truth["min"]), np.array(truth["max"])
    for path in sorted(pathlib.Path(folder).iterdir()):
        name = path.suffix[1:]
        if name not in ("stl", "ply", "obj", "glb", "3mf", "usdz"):
            continue
        if name == "3mf":
            tri = read_3mf(path, truth)
        elif name == "usdz":
            tri = read_usdz(path)
        else:
            tri = trimesh.load(str(path), force="mesh")
        if name == "glb":
            tri = trimesh.Trimesh(from_viewer(tri.vertices * 1000.0), tri.faces, process=True)
        check(f"{name}: watertight", tri.is_watertight)
        check(f"{name}: winding", tri.is_winding_consistent)
        check(f"{name}: volume", math.isclose(tri.volume, truth["volume"], rel_tol=1e-4), tri.volume)
        check(f"{name}: bounds", near(tri.bounds, [low, high], 1e-3), tri.bounds.tolist())
        check(f"{name}: triangles", len(tri.faces) == truth["triangles"], len(tri.faces))
        for place in truth.get("landmarks", []):
            away = np.linalg.norm(tri.vertices - np.array(place), axis=1).min()
            check(f"{name}: landmark", away <= 1e-3, away)


if __name__ == "__main__":
    what, where, truth = sys.argv[1:4]
    {"dicom": dicom, "nrrd": nrrd, "meshes": meshes}[what](where, json.loads(pathlib.Path(truth).read_text()))
    sys.exit(1 if FAILED else 0)
