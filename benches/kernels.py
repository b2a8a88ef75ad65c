"""Every kernel from grey values to a solid: Osteon beside the programs people use today, on one volume in one run.

    python -m venv .bench && .bench/bin/pip install SimpleITK vtk numpy scipy scikit-image connected-components-3d edt \\
        pymeshlab trimesh manifold3d fast-simplification meshoptimizer pydicom dicom2stl
    cargo build --release -p osteon-cli -p osteon-bench
    .bench/bin/python benches/kernels.py <peers_bench.py> <folder of its data> [rows, separated by semicolons]

`peers_bench.py` times each peer in its own process; its data folder holds big600.npy (512 x 512 x 600 int16) and dcm600/, the
same as DICOM. Peers run on one thread and, where they can, on two; the best of them counts, by CPU time for one thread and by wall
time for two. The last column says what both found where the answers must agree.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target")) / "release"
SPACING = "0.451171875,0.451171875,0.4667"
# row: (our kernel, {peer: operation of peers_bench.py}, goal as a ratio)
# row: (our kernel, the peers' operations in peers_bench.py, the ratio wanted)
ROWS = {
    "threshold": ("threshold", ["C.numpy_threshold", "C.vtk_threshold", "C.sitk_threshold"], 5),
    "Otsu": ("otsu", ["C.sitk_otsu"], None),
    "26-components": ("components-26", ["D.cc3d_cc26"], 10),
    "26-components + largest": ("largest-26", ["D.cc3d_largest_k1_26", "D.sitk_cc26_relabel_largest"], 10),
    "closing r = 3": ("closing-3", ["E.edt_closing_r3", "E.sitk_closing_ball3"], 100),
    "fill cavities": ("fill", ["E.sitk_fillhole", "E.cc3d_fill_holes_bg"], None),
    "median 3x3x3": ("median", ["B.sitk_median_r1"], 50),
    "Gaussian, 1 voxel": ("gaussian", ["B.scipy_gauss_s1_f32", "B.sitk_discrete_gauss_s1vox"], 8),
    "exact distance inside": ("distance-inside", ["F.edt", "F.sitk_signed_maurer"], 4),
    "exact distance outside": ("distance-outside", ["F.edt_background"], None),
    "grey surface": ("surface", ["H.vtk_flying_edges"], 4),
    "label surface": ("label-surface", ["H.vtk_surface_nets_nosmooth"], 8),
    "smoothing, 20 passes": ("smooth", ["I.vtk_windowed_sinc_20", "I.vtk_constrained_20"], 4),
    "decimation to 10 %": ("decimate", ["J.meshoptimizer_10pct", "J.fast_simplification_10pct", "J.vtk_quadric_10pct"], 1.5),
    "STL write": ("stl-write", ["L.pymeshlab_stl", "L.vtk_stl_binary"], 4),
    "STL read and weld": ("stl-read", ["L.vtk_stl_read"], 4),
}
CHAIN = ["M.dicom2stl_bone", "M.sitk_vtk_script"]


def last_json(words, environment):
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"op"')]
    return json.loads(lines[-1]) if lines else {"error": (done.stderr or done.stdout)[-300:]}


def peer(script, operation, threads, environment):
    words = [sys.executable, script, "run", operation, "--vol", "big", "--threads", str(threads)]
    return last_json(words, environment)


def ours(kernel, data, threads):
    words = [TARGET / "osteon-bench", kernel, data / "big600.npy", "--spacing", SPACING, "--threads", str(threads)]
    return last_json([str(word) for word in words], None)


def row(name, script, data, environment):
    kernel, operations, wanted = ROWS[name]
    mine = {threads: ours(kernel, data, threads) for threads in (1, 2)}
    if "error" in mine[1]:
        return print(f"| {name} | {mine[1]['error']} |", flush=True)
    cells = []
    for operation in operations:
        them = {threads: peer(script, operation, threads, environment) for threads in (1, 2)}
        if "error" in them[1]:
            cells.append((operation, None, None, them[1]["error"]))
        else:
            cells.append((operation, them[1]["cpu_s"], them[2].get("wall_s"), them[1].get("result")))
    timed = [cell for cell in cells if cell[1]]
    cpu = min(timed, key=lambda cell: cell[1], default=None)
    wall = min((cell for cell in timed if cell[2]), key=lambda cell: cell[2], default=None)
    ratio = lambda best, own: f"{best / own:.1f}x" if best else "-"
    found = "; ".join(f"{c[0]}: {c[3]}" for c in cells)
    print(
        f"| {name} | {mine[1]['cpu_s']:.3f} | {mine[2]['wall_s']:.3f} | {cpu and cpu[0]} {cpu and cpu[1]} / "
        f"{wall and wall[2]} | {ratio(cpu and cpu[1], mine[1]['cpu_s'])} | {ratio(wall and wall[2], mine[2]['wall_s'])} | "
        f"{wanted or ''} | {mine[2]['rss_peak_mb']:.0f} | {mine[1]['result']} ({found}) |",
        flush=True,
    )


def chain(script, data, environment):
    with tempfile.TemporaryDirectory() as work:
        words = [TARGET / "osteon", "surface", data / "dcm600", "--out", pathlib.Path(work) / "bone.stl", "--quiet"]
        began = time.monotonic()
        child = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        took = time.monotonic() - began
        size = os.path.getsize(words[4]) if os.path.exists(words[4]) else 0
    own = used.ru_utime + used.ru_stime
    code = os.waitstatus_to_exitcode(status)
    print(f"| osteon surface (exit {code}, {size / 1e6:.0f} MB) | {took:.2f} | {own:.2f} | {used.ru_maxrss / 1024:.0f} | 1.0x | 1.0x |")
    for operation in CHAIN:
        them = peer(script, operation, 2 if "script" in operation else 1, environment)
        if "error" in them:
            print(f"| {operation} | {them['error']} |")
            continue
        ratios = f"{them['wall_s'] / took:.1f}x | {them['cpu_s'] / own:.1f}x"
        print(f"| {operation} | {them['wall_s']:.2f} | {them['cpu_s']:.2f} | {them['rss_peak_mb']} | {ratios} |", flush=True)


def main():
    script, data = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    wanted = sys.argv[3].split(";") if len(sys.argv) > 3 else [*ROWS, "chain"]
    with tempfile.TemporaryDirectory() as work:
        environment = {**os.environ, "BENCH_DATA": str(data), "BENCH_TMP": os.environ.get("BENCH_TMP", work)}
        rows = [name for name in ROWS if name in wanted]
        if rows:
            print("| kernel | CPU s, 1 thread | wall s, 2 | best peer, CPU / wall | CPU | wall | goal | peak MB | found |")
            print("|---|---|---|---|---|---|---|---|---|")
        for name in rows:
            row(name, script, data, environment)
        if "chain" in wanted:
            print("\n| DICOM to STL | wall s | CPU s | peak MB | wall / osteon | CPU / osteon |\n|---|---|---|---|---|---|")
            chain(script, data, environment)


if __name__ == "__main__":
    main()
