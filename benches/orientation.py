"""The side `osteon advise --up best` turns up, sliced by PrusaSlicer against other sides.

    python benches/orientation.py OSTEON DATA WORK standard.ini [DIRECTIONS]

Of twelve bones DIRECTIONS (16) of 400 even ones and the bone as it stands are sliced, then what advise finds for time
and for material. Arguments and needs as in estimate.py, whose bones and results are shared.
"""

import math
import os
import sys

from estimate import advised, bones, sliced

CHOSEN = ["verse19", "verse22", "spinefe21", "tptct22", "tptmr6", "knee1", "knee7"]
CHOSEN += ["Case2_right_3", "Case4_right_2", "Case4_sacrum_2", "104900", "462844"]


def even(count):
    golden = math.pi * (3 - math.sqrt(5))
    for n in range(count):
        z = 1 - (2 * n + 1) / count
        r = math.sqrt(1 - z * z)
        yield (r * math.cos(n * golden), r * math.sin(n * golden), z)


def main():
    osteon, data, work, ini = sys.argv[1:5]
    tried = int(sys.argv[5]) if len(sys.argv) > 5 else 16
    folder = f"{work}/bones"
    if not os.path.isdir(folder):
        bones(data, folder)
    all_ups = list(even(400))
    for row, end in enumerate(CHOSEN):
        name = next(n for n in sorted(os.listdir(folder)) if n[:-4].endswith(end))
        bone = f"{folder}/{name}"
        others = [all_ups[(k * 13 + 7 * row) % 400] for k in range(tried)]
        known = [sliced(bone, ini, work, up) for up in [(0.0, 0.0, 1.0), *others]]
        for goal, key in (("time", "seconds"), ("material", "metres")):
            found = advised(osteon, bone, "best", goal)["ups"][0]["up"]
            ours = sliced(bone, ini, work, found)[key]
            best, worst = (choose(run[key] for run in known) for choose in (min, max))
            print(
                f"{name:40} {goal:9} ours/best of {tried + 1} {ours / best - 1:+.1%}, "
                f"as it stands {known[0][key] / best - 1:+.1%}, worst {worst / best - 1:+.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
