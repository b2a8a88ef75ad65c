#!/usr/bin/env python3
"""A mesh for a resin printer: time, memory, and an independent reading of the file.

    python3 benches/resin.py target/release/osteon part.stl [part.stl ...] --printer saturn-4-ultra

Runs `osteon slice` without supports on each mesh, takes CPU seconds and the largest memory of the process, decodes the
.goo file by the format's specification (not by Osteon's reader), checks every checksum and that every pixel is
covered, and compares the light of some layers with the areas of sections made by trimesh.
Needs numpy, trimesh, shapely, networkx, rtree, scipy.
"""
import argparse, os, resource, struct, subprocess, sys, tempfile, time
import numpy as np
import trimesh

HEADER = 195477


def layers(data):
    """(pixels of light, pixels covered, height) of each layer of a .goo file."""
    assert data[:4] == b"V3.0" and data[-11:] == bytes([0, 0, 0, 7, 0, 0, 0]) + b"DLP\0"
    at = 4 + 8 + 32 + 24 + 24 + 96 + 6 + 2 * (116 * 116 + 290 * 290) + 4
    count, width, rows = struct.unpack_from(">IHH", data, at)
    at = HEADER
    for _ in range(count):
        height = struct.unpack_from(">f", data, at + 6)[0]
        length = struct.unpack_from(">I", data, at + 66)[0]
        body = data[at + 70 : at + 70 + length]
        assert body[0] == 0x55, "layer mark"
        runs, check = body[1:-1], body[-1]
        assert (~sum(runs)) & 0xFF == check, "checksum"
        light = covered = value = i = 0
        while i < len(runs):
            head = runs[i]
            i += 1
            kind, low = head >> 6, head & 15
            if kind == 2:
                value += -low if head & 0x20 else low
                n = 1
                if head & 0x10:
                    n = runs[i]
                    i += 1
            else:
                if kind == 1:
                    value = runs[i]
                    i += 1
                else:
                    value = 255 if kind == 3 else 0
                more = head >> 4 & 3
                n = int.from_bytes(runs[i : i + more], "big") << 4 | low
                i += more
            light += n * value
            covered += n
        assert covered == width * rows, "every pixel is covered"
        yield light / 255, height
        at += 70 + length + 2
    assert at + 11 == len(data)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("osteon")
    options.add_argument("meshes", nargs="+")
    options.add_argument("--printer", default="saturn-4-ultra")
    options.add_argument("--pixel", type=float, default=0.019 * 0.024, help="area of a pixel, mm²")
    given = options.parse_args()
    for path in given.meshes:
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "part.goo")
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
            command = [given.osteon, "slice", path, "--out", out, "--printer", given.printer, "--supports", "no"]
            done = subprocess.run(command, capture_output=True, text=True)
            after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.time() - start
            if not os.path.exists(out):
                print(path, done.stdout, done.stderr)
                continue
            found = list(layers(open(out, "rb").read()))
            mesh = trimesh.load(path)
            bottom, step, worst = mesh.bounds[0][2], found[0][1], 0.0
            for n in range(len(found) // 40, len(found), max(1, len(found) // 20)):
                cut = mesh.section([0, 0, 1], [0, 0, bottom + (n + 0.5) * step])
                if cut is None:
                    continue
                area = cut.to_2D()[0].area
                if area > 1:
                    worst = max(worst, abs(found[n][0] * given.pixel / area - 1))
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(
                f"{os.path.basename(path)}: {len(mesh.faces)} triangles, {len(found)} layers, {cpu:.1f} CPU s, {wall:.1f} s, "
                f"at most {after.ru_maxrss / 1024:.0f} MiB so far; light against trimesh's sections: worst {100 * worst:.3f} %"
            )


if __name__ == "__main__":
    sys.exit(main())
