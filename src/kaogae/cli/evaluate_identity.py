"""`kaogae evaluate train-identity`: the network that says whether a face is still the same character."""

import json
from pathlib import Path

import typer

from kaogae.cli.application import out
from kaogae.cli.evaluate import MOST_THREADS, group
from kaogae.cli.progress import watch
from kaogae.errors import ModelError, UsageError
from kaogae.files import beside

EPOCHS = 30
"""Where nobody says how long."""


@group.command("train-identity")
def evaluate_train_identity(
    characters: int = typer.Option(4000, "--characters", help="Drawn characters to learn from."),
    epochs: int | None = typer.Option(
        None, "--epochs", help=f"How often each is seen; default {EPOCHS}, or no limit beside --minutes."
    ),
    minutes: float | None = typer.Option(None, "--minutes", help="How long to learn, drawing not counted."),
    seed: int = typer.Option(0, "--seed", help="Which characters, and how the network begins."),
    target: Path = typer.Option(Path("identity.safetensors"), "--out", help="The file of weights to write."),
    threads: int | None = typer.Option(None, "--threads", help="Processors to use; default: all."),
    as_json: bool = typer.Option(False, "--json", help="Print what is known of the network as JSON."),
) -> None:
    """Draw characters, learn to tell them apart whatever they show, and measure how well on others."""
    import torch

    from kaogae.evaluate.identity import Identity, save_identity
    from kaogae.evaluate.identity_faces import draw_families, draw_held_out
    from kaogae.evaluate.identity_training import IdentityTraining, learn_identity, measured, tested_on
    from kaogae.parallel import cpus

    limited = epochs is not None or minutes is not None
    how = IdentityTraining(epochs if limited else EPOCHS, minutes, seed)
    threads = cpus() if threads is None else threads
    if not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"--threads {threads} isn't a number of processors from 1 to {MOST_THREADS}.")
    torch.set_num_threads(threads)
    _try_to_write(target)  # before the work
    with watch("drawing") as follow:
        families = draw_families(
            characters, seed, workers=threads, progress=lambda done: follow(2 * done, characters)
        )
    with watch("learning") as follow:
        network = learn_identity(families, how, progress=follow)
    with watch("testing") as follow:
        count = tested_on(characters)
        held_out = draw_held_out(count, workers=threads, progress=lambda done: follow(done, count))
    header = measured(network, held_out, characters, vars(how))
    save_identity(target, network, header)
    sha256 = Identity.load(target).sha256
    if as_json:
        typer.echo(json.dumps({"path": str(target), "sha256": sha256} | json.loads(header.to_json())))
        return
    for kind, found in (
        ("one character, another expression", header.same),
        ("one character, another picture", header.redrawn),
        ("characters that share traits", header.sibling),
        ("two characters", header.other),
    ):
        out.print(f"{kind}: {found.mean:.3f} ({found.low:.3f}–{found.high:.3f})", highlight=False)
    out.print(f"equal error rate: {100 * header.equal_error:.1f} %", highlight=False)
    out.print(f"{target}: {sha256}", soft_wrap=True, highlight=False, markup=False)


def _try_to_write(target: Path) -> None:
    if target.is_dir():
        raise UsageError(f"{target} is a folder: give --out the name of a file.")
    with beside(target, ModelError) as draft:
        draft.touch()
