"""Reading a CT series in every common transfer syntax: Osteon beside the peers, on the same input in one run.

    python -m venv .bench && .bench/bin/pip install SimpleITK dcm2niix pydicom python-gdcm numpy
    cargo build --release -p osteon-cli
    .bench/bin/python benches/import.py <folder with a CT series> [runs] [slices]

Makes series of 600 slices (or as many as said) from the given one, natively and with every lossless compression, and prints
medians over the runs of wall seconds, CPU seconds and peak memory of each whole process, the runs of the programs taking
turns. `osteon convert` and dcm2niix also write the volume (uncompressed NRRD and NIfTI); SimpleITK and pydicom only read it.
A program that refuses or fails is shown with its exit code.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
OSTEON = pathlib.Path(os.environ.get("OSTEON", HERE / "target/release/osteon"))
SIMPLEITK = """
import sys, SimpleITK as s
s.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
s.ReadImage(s.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1]))
"""
PYDICOM = """
import pathlib, sys, numpy, pydicom
sets = [pydicom.dcmread(f) for f in sorted(pathlib.Path(sys.argv[1]).iterdir())]
sets.sort(key=lambda d: float(d.ImagePositionPatient[2]))
out = numpy.empty((len(sets), sets[0].Rows, sets[0].Columns), numpy.int16)
for k, d in enumerate(sets):
    out[k] = d.pixel_array * int(d.RescaleSlope) + int(d.RescaleIntercept)
"""
SYNTAXES = {  # name: (GDCM's transfer syntax, what is compressed how)
    "native": None,
    "JPEG-LS": "JPEGLSLossless",
    "RLE": "RLELossless",
    "JPEG lossless": "JPEGLosslessProcess14_1",
    "JPEG 2000": "JPEG2000Lossless",
}


def make(folder, slices, out):
    """Series of so many slices from the one in `folder`, one folder for each syntax."""
    import gdcm
    import numpy
    import pydicom
    import SimpleITK

    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = SimpleITK.ReadImage(names)
    voxels = SimpleITK.GetArrayFromImage(image).astype(numpy.float32)
    at = numpy.linspace(0, len(voxels) - 1, slices)
    low = numpy.minimum(at.astype(int), len(voxels) - 2)
    part = (at - low).astype(numpy.float32)
    step = image.GetSpacing()[2] * (len(voxels) - 1) / (slices - 1)
    template = pydicom.dcmread(names[0])
    template.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    template.BitsStored, template.HighBit, template.PixelRepresentation = 16, 15, 1
    template.RescaleSlope, template.RescaleIntercept = 1, 0
    native = out / "native"
    native.mkdir()
    for k in range(slices):
        plane = voxels[low[k]] * (1 - part[k]) + voxels[low[k] + 1] * part[k]
        template.PixelData = numpy.rint(plane).astype("<i2").tobytes()
        template["PixelData"].VR = "OW"
        template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[str(k)])
        x, y, z = image.GetOrigin()
        template.ImagePositionPatient = [x, y, round(z + k * step, 4)]
        template.SliceLocation, template.InstanceNumber = round(z + k * step, 4), k + 1
        template.SliceThickness = round(step, 4)
        template.FrameOfReferenceUID = "1.2.826.0.1.3680043.10.1234.1"
        template.save_as(native / f"{k:04}.dcm", enforce_file_format=True)
    for name, wanted in SYNTAXES.items():
        if wanted is None:
            continue
        (out / name).mkdir()
        for source in sorted(native.iterdir()):
            reader = gdcm.ImageReader()
            reader.SetFileName(str(source))
            assert reader.Read()
            change = gdcm.ImageChangeTransferSyntax()
            change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, wanted)))
            change.SetInput(reader.GetImage())
            assert change.Change(), name
            writer = gdcm.ImageWriter()
            writer.SetFileName(str(out / name / source.name))
            writer.SetFile(reader.GetFile())
            writer.SetImage(change.GetOutput())
            assert writer.Write()


def measure(words):
    began = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    took = time.monotonic() - began
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def jobs(folder, out):
    python = sys.executable
    fresh = lambda name: tempfile.mkdtemp(prefix=name, dir=out)
    return {
        "osteon convert": lambda: [OSTEON, "convert", folder, "--out", fresh("o") + "/v", "--quiet"],
        "dcm2niix": lambda: [pathlib.Path(python).parent / "dcm2niix", "-z", "n", "-b", "n", "-o", fresh("d"), folder],
        "SimpleITK": lambda: [python, "-c", SIMPLEITK, folder],
        "pydicom": lambda: [python, "-c", PYDICOM, folder],
    }


def main():
    folder, runs = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    slices = int(sys.argv[3]) if len(sys.argv) > 3 else 600
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        given = os.environ.get("SERIES")
        series = pathlib.Path(given) if given else work / "series"
        if not series.is_dir():
            series.mkdir()
            make(folder, slices, series)
        print(f"{slices} slices, {runs} runs each, in turns, medians\n")
        print("| syntax | program | wall s | CPU s | peak MB | wall / osteon | CPU / osteon |\n|---|---|---|---|---|---|---|")
        for syntax in SYNTAXES:
            seen = {name: [] for name in jobs(series / syntax, work)}
            for turn in range(runs + 1):
                for name, words in jobs(series / syntax, work).items():
                    result = measure([str(word) for word in words()])
                    if turn:
                        seen[name].append(result)
                for used in work.glob("[od]*"):
                    if used.is_dir():
                        subprocess.run(["rm", "-rf", used], check=True)
            ours = [statistics.median(column) for column in zip(*seen["osteon convert"])]
            for name, rows in seen.items():
                wall, cpu, peak, code = [statistics.median(column) for column in zip(*rows)]
                failed = f" (exit {code:.0f})" if code else ""
                print(f"| {syntax} | {name}{failed} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {wall / ours[0]:.1f} | {cpu / ours[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
