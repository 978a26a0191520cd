"""What every command shares: the application, its two consoles, and what becomes of errors."""

import logging
import os
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from kaogae import __version__
from kaogae.errors import KaogaeError

app = typer.Typer(
    name="kaogae",
    help="Give an anime picture another facial expression, and everything that makes it possible.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(emoji=False)  # a path may hold ":b:"
err = Console(stderr=True, emoji=False)

EXTRAS = {
    "alembic": "collect",
    "fastapi": "label",
    "filelock": "collect",
    "huggingface_hub": "hub",
    "imagehash": "collect",
    "lightning": "train",
    "onnx": "train",
    "pooch": "collect",
    "ray": "cluster",
    "safetensors": "train",
    "segno": "label",
    "skimage": "collect",
    "sqlalchemy": "collect",
    "torch": "train",
    "torch_fidelity": "train",
    "torchmetrics": "train",
    "torchvision": "train",
    "uvicorn": "label",
}
"""Which extra brings the library that a command lacks."""


@app.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True),
) -> None:
    """Give an anime picture another facial expression."""
    if show:
        out.print(f"kaogae {__version__}")
        raise typer.Exit


WORKSPACE = typer.Option(
    Path("kaogae-data"), "--workspace", envvar="KAOGAE_WORKSPACE", help="The folder where everything lies."
)
CATALOG = typer.Option(
    None,
    "--catalog",
    envvar="KAOGAE_CATALOG",
    help="The database: postgresql+psycopg://…; default: catalog.db in the workspace.",
)


def main() -> None:
    """Entry point: an error becomes one sentence and exit code 2, Ctrl-C becomes 130."""
    # What libraries have to say about damaged files is in that sentence
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    if not err.is_terminal:
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except KaogaeError as error:
        code = _complain(str(error))
    except OSError as error:  # a path that no command expected: too long, no permission, a file as a folder
        code = _complain(f"{error.filename or 'A file'} can't be used: {error.strerror or error}.")
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        code = _complain(f"This needs more than the light base: pip install 'kaogae[{extra}]'.")
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        complaint = getattr(
            error, "format_message", None
        )  # Typer's own errors: it doesn't export their class
        if complaint is None:
            raise
        code = _complain(complaint())
    if code == 130:
        err.print("kaogae: stopped.")
    sys.exit(code or 0)


def found(name: str, shelf: Path, mark: str) -> Path:
    """The file or folder `name`, or else what lies under that name in `shelf`, a folder of the workspace. A
    folder that merely has the name, without the file `mark`, doesn't hide what lies there.
    """
    here, there = Path(name), shelf / name
    wanted = here.is_file() or (here / mark).is_file()
    return here if wanted or (here.is_dir() and not there.is_dir()) else there


def plain(text: str) -> str:
    """Names come from strangers: nothing that a terminal would act on."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)


def _complain(sentence: str) -> int:
    if sentence:
        err.print(f"[bold red]kaogae:[/] {escape(plain(sentence))}", highlight=False, soft_wrap=True)
    return 2
