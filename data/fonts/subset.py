#!/usr/bin/env python3
"""Makes NotoSansSC-subset.otf from Noto Sans CJK SC Regular (OFL 1.1; Debian: fonts-noto-cjk).

    python3 data/fonts/subset.py NotoSansCJK-Regular.ttc

Keeps the 6763 characters of GB 2312, its full-width signs, every character of the texts in data/, and
characters that are common in names of persons but not in GB 2312. Needs fonttools.
"""
import pathlib
import sys

from fontTools import subset

HERE = pathlib.Path(__file__).resolve().parent
# Chosen: frequent in names of persons, missing in GB 2312.
NAMES = "玥珺琰祎翀喆堃淼焱炘瑄瑀珝媛濛沄洺湉汭昇昉旸晞晛暘甯颋頔骎骕赟靓橦槿榛梣彧奕妤婕嫚娴婳嬿孜孖嵘崟钊钜铄镕锴锟镐闫邬郤"


def characters():
    """Rows 16 to 87 of GB 2312."""
    for row in range(0xB0, 0xF8):
        for cell in range(0xA1, 0xFF):
            try:
                yield bytes([row, cell]).decode("gb2312")
            except UnicodeDecodeError:
                pass


def signs():
    """Row 1 and 3 of GB 2312: punctuation and full-width letters."""
    for row in (0xA1, 0xA3):
        for cell in range(0xA1, 0xFF):
            yield bytes([row, cell]).decode("gb2312")


def ours():
    """Every character beyond ASCII in the texts."""
    files = [HERE.parent / "terminology.toml", *sorted((HERE.parent / "report").glob("*.toml"))]
    for file in files:
        yield from (c for c in file.read_text("utf-8") if ord(c) > 0x2E7F)


def main():
    text = "".join(sorted({*characters(), *signs(), *ours(), *NAMES}))
    options = subset.Options()
    options.font_number = 2  # Simplified Chinese
    options.layout_features = []
    options.hinting = False
    options.desubroutinize = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 4, 6, 13, 14]
    options.drop_tables += ["VORG", "vhea", "vmtx", "BASE", "GSUB", "GPOS"]
    options.ignore_missing_unicodes = True
    font = subset.load_font(sys.argv[1], options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    cutter.subset(font)
    # The same bytes on every run.
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    out = HERE / "NotoSansSC-subset.otf"
    subset.save_font(font, out, options)
    print(f"{out.name}: {len(text)} characters, {out.stat().st_size} bytes")


main()
