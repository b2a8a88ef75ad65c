"""From a folder of DICOM slices to a bone surface: Osteon beside the peers, on the same input in one run.

    python -m venv .bench && .bench/bin/pip install SimpleITK dicom2stl vtk
    cargo build --release -p osteon-cli
    .bench/bin/python benches/thorax.py <dicom folder> [runs]

Prints medians over the runs of wall seconds, CPU seconds and peak memory of each whole process, the runs of the programs
taking turns, and each peer's ratio to Osteon. What each row does is not the same: Osteon's `model` also checks, marks, exports
four formats and writes the report; the peers write one STL.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
OSTEON = HERE / "target/release/osteon"
READ = """
import sys, SimpleITK as s
s.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
s.ReadImage(s.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1]))
"""
SCRIPT = """
import sys, SimpleITK as s, vtk
from vtk.util import numpy_support as n
s.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
image = s.ReadImage(s.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1]))
mask = s.RelabelComponent(s.ConnectedComponent(s.BinaryFillhole(image >= 226), True), sortByObjectSize=True) == 1
data = vtk.vtkImageData(); data.SetDimensions(image.GetSize()); data.SetSpacing(image.GetSpacing())
data.GetPointData().SetScalars(n.numpy_to_vtk(s.GetArrayViewFromImage(mask).ravel(), deep=True))
surface = vtk.vtkDiscreteFlyingEdges3D(); surface.SetInputData(data); surface.SetValue(0, 1)
smooth = vtk.vtkWindowedSincPolyDataFilter(); smooth.SetInputConnection(surface.GetOutputPort()); smooth.SetNumberOfIterations(20)
write = vtk.vtkSTLWriter(); write.SetFileTypeToBinary(); write.SetInputConnection(smooth.GetOutputPort())
write.SetFileName(sys.argv[2]); write.Write()
"""


def measure(words):
    began = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(child.pid, 0)
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def jobs(folder, out):
    python = sys.executable
    fresh = lambda name: tempfile.mkdtemp(prefix=name, dir=out)
    return {
        "read: osteon import": lambda: [OSTEON, "import", folder, "--case", fresh("i") + "/case", "--quiet"],
        "read: SimpleITK": lambda: [python, "-c", READ, folder],
        "model: osteon model": lambda: [OSTEON, "model", folder, "--out", fresh("m") + "/case", "--printer", "none", "--quiet"],
        "model: dicom2stl": lambda: [pathlib.Path(python).parent / "dicom2stl", "-t", "bone", "-o", fresh("d") + "/a.stl", folder],
        "model: SimpleITK + VTK script": lambda: [python, "-c", SCRIPT, folder, fresh("s") + "/a.stl"],
    }


def main():
    folder, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as out:
        work = jobs(folder, out)
        seen = {name: [] for name in work}
        for turn in range(runs + 1):
            for name, words in work.items():
                result = measure([str(word) for word in words()])
                if turn:
                    seen[name].append(result)
        middle = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in seen.items()}
    print(f"| job ({runs} runs each, in turns, medians) | wall s | CPU s | peak MB | wall / osteon | CPU / osteon |\n|---|---|---|---|---|---|")
    for name, (wall, cpu, peak) in middle.items():
        ours = middle[next(n for n in middle if n.split(":")[0] == name.split(":")[0])]
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {wall / ours[0]:.1f} | {cpu / ours[1]:.1f} |")


if __name__ == "__main__":
    main()
