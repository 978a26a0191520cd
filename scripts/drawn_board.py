"""An image board on loopback: draws its pictures into FOLDER, prints its address, serves until killed.

    python scripts/drawn_board.py FOLDER [--pictures 8] [--seed 1]

For each expression there are so many pictures, in which everyone has that expression. Three more posts are as
sites have them: tags that contradict each other, tears of joy, and a post whose file is gone.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kaogae.atelier.manifest import write_scenes
from kaogae.collect.danbooru import TAGS
from kaogae.expressions import EXPRESSIONS

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/collect/stubs"))
from danbooru import Board, Server

SIDES = (320, 720)


def posts(folder: Path, pictures: int, seed: int) -> Iterator[dict[str, Any]]:
    """Draw the pictures; the posts about them, as the stub wants them."""
    number = 0
    for expression in EXPRESSIONS:
        place, first = folder / expression, seed + 1000 * expression.position
        rows = write_scenes(place, pictures, seed=first, expressions=[expression], sides=SIDES)
        for file in sorted({row["file"] for row in rows}):
            number += 1
            faces = [row for row in rows if row["file"] == file]
            yield {
                "id": number,
                "file": f"{expression}/{file}",
                "tags": f"{TAGS[expression]} {'solo' if len(faces) == 1 else 'multiple_girls'}",
                "artist": f"artist_{number % 5}",
                "character": faces[0]["character"] if len(faces) == 1 else "",
            }
    again = f"{expression}/{file}"  # whatever it shows: nobody should ever fetch it
    yield {"id": number + 1, "tags": "happy surprised", "file": again}
    yield {"id": number + 2, "tags": "crying happy_tears", "file": again}
    yield {"id": number + 3, "tags": "sad"}


def main() -> None:
    """Draw, serve."""
    parser = argparse.ArgumentParser(description="Serves drawn pictures as Danbooru would.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=8, help="for each expression")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(post) + "\n" for post in posts(options.folder, options.pictures, options.seed)]
    (options.folder / "posts.jsonl").write_text("".join(lines), "utf-8")
    server = Server(Board.read(options.folder))
    print(server.root, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
