"""Holds files written by Osteon against independent readers.

oracle.py dicom FOLDER TRUTH.json    pydicom and SimpleITK place every sample where the truth says
oracle.py nrrd FILE TRUTH.json       SimpleITK reads the same volume
oracle.py meshes FOLDER TRUTH.json   lib3mf (strict) and trimesh read the same solid from every format

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


def meshes(folder, truth):
    import lib3mf
    import trimesh

    low, high = np.array(truth["min"]), np.array(truth["max"])
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.suffix not in (".stl", ".ply", ".glb", ".3mf"):
            continue
        if path.suffix == ".3mf":
            wrapper = lib3mf.get_wrapper()
            model = wrapper.CreateModel()
            reader = model.QueryReader("3mf")
            reader.SetStrictModeActive(True)
            reader.ReadFromFile(str(path))
            check("lib3mf: no warnings", reader.GetWarningCount() == 0, reader.GetWarningCount())
            check("lib3mf: unit", model.GetUnit() == lib3mf.ModelUnit.MilliMeter)
            objects = model.GetMeshObjects()
            objects.MoveNext()
            mesh = objects.GetCurrentMeshObject()
            check("lib3mf: manifold", mesh.IsManifoldAndOriented())
            points = np.array([list(v.Coordinates) for v in mesh.GetVertices()])
            faces = np.array([list(t.Indices) for t in mesh.GetTriangleIndices()])
            tri = trimesh.Trimesh(points, faces, process=False)
        else:
            tri = trimesh.load(str(path), force="mesh")
        name = path.suffix[1:]
        if path.suffix == ".glb":
            # metres, +Y up: undo with the inverse of the documented map.
            x, y, z = (tri.vertices * 1000.0).T
            tri = trimesh.Trimesh(np.stack([x, -z, y], axis=1), tri.faces, process=True)
        check(f"{name}: watertight", tri.is_watertight)
        check(f"{name}: winding", tri.is_winding_consistent)
        check(f"{name}: volume", math.isclose(tri.volume, truth["volume"], rel_tol=1e-4), tri.volume)
        check(f"{name}: bounds", near(tri.bounds, [low, high], 1e-3), tri.bounds.tolist())
        check(f"{name}: triangles", len(tri.faces) == truth["triangles"], len(tri.faces))


if __name__ == "__main__":
    what, where, truth = sys.argv[1:4]
    {"dicom": dicom, "nrrd": nrrd, "meshes": meshes}[what](where, json.loads(pathlib.Path(truth).read_text()))
    sys.exit(1 if FAILED else 0)
