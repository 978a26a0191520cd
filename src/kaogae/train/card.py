"""The model card of a run, from what the run wrote down itself. Where that is missing, it says so.

Set names, licences and commands come from strangers. In the text they stand in code spans, where Markdown
means nothing; in the metadata only licences that the Hub has a name for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kaogae import __version__
from kaogae.errors import KaogaeError
from kaogae.expressions import EXPRESSIONS
from kaogae.stargan import Header, build_generator
from kaogae.train.card_measures import ROWS, evaluated, metrics_of
from kaogae.train.card_text import NOT_RECORDED, code, command, count, duration, hash_of, measured, table
from kaogae.train.past import Past
from kaogae.train.settings import differences, load_settings

TAGS = ["kaogae", "anime", "facial-expression", "stargan", "onnx"]
LAST = 0.05
"""Share of the rows over which the losses at the end are averaged."""
MEANINGS = {
    "d_adversarial": "D(real) − D(fake)",
    "d_classes": "class loss of D, on real faces",
    "d_penalty": "gradient penalty of D, without its weight",
    "g_adversarial": "−D(fake)",
    "g_classes": "class loss of G",
    "g_reconstruction": "there and back, mean difference",
    "g_colours": "drawn truth: colours",
    "g_edges": "drawn truth: edges",
    "g_mask": "drawn truth: attention mask",
    "g_features": "drawn truth: what D sees",
    "spread": "difference between the outputs for different targets, held-out faces, in [−1, 1]",
    "change": "difference between output and input, held-out faces, in [−1, 1]",
}


def write_card(past: Past, header: Header, *, repo: str | None = None, files: Iterable[str] = ()) -> str:
    """README.md of a model, with the Hub's metadata above.

    Args:
        header: of the checkpoint that is published.
        repo: owner/name on the Hub, if it goes there.
        files: names of the other files in its folder; pictures among them are shown.
    """
    sections = (
        _head(past, header, set(files)),
        _use(repo),
        _learned_from(past, header),
        _trained(past, header),
        _losses(past),
        evaluated(header),
        _limits(past, header),
    )
    body = "\n".join(line for section in sections for line in (*section, ""))
    return f"---\n{_metadata(past, header)}\n---\n\n{body}"


def _metadata(past: Past, header: Header) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult("image-to-image", "kaogae", NOT_RECORDED, re.sub(r"[^\w.-]", "_", name)[:100], value)
        for name, value in metrics_of(header).items()
    ]
    name = re.sub(r"[^\w.-]", "_", past.name)[:100]
    card = ModelCardData(
        license=past.licence,
        library_name="kaogae",
        pipeline_tag="image-to-image",
        tags=TAGS,
        model_name=name if results else None,
        eval_results=results or None,
    )
    return card.to_yaml()


def _head(past: Past, header: Header, files: set[str]) -> Iterator[str]:
    size, parameters = header.image_size, _parameters(header)
    yield f"# {code(past.name)}"
    yield ""
    yield (
        f"A generator of {parameters / 1e6:.2f} M parameters that gives an aligned anime face of"
        f" {size} × {size} pixels one of five expressions: {', '.join(EXPRESSIONS)}. Made with Kaogae"
        f" {__version__}, which finds the face in a picture, aligns it, and puts the result back so that all"
        " the rest stays as it was."
    )
    if "samples.png" in files:
        yield ""
        yield (
            "![Held-out faces: input, crying, happy, neutral, sad, surprised; below drawn faces the truth]"
            "(samples.png)"
        )


def _use(repo: str | None) -> Iterator[str]:
    model = f"hf://{repo}" if repo else "model.onnx"
    yield "## How to use it"
    yield ""
    yield "```sh"
    yield "pip install 'kaogae[hub]'" if repo else "pip install kaogae"
    yield f"kaogae transfer picture.png --to happy --model {model} --out happy.png"
    yield "```"
    yield ""
    yield "```python"
    yield "from kaogae.transfer import Transferrer"
    yield f'happy = Transferrer.load("{model}").transfer("picture.png", "happy")'
    yield 'happy.save("happy.png")'
    yield "```"
    yield ""
    yield (
        "`model.onnx` runs on ONNX Runtime without PyTorch: inputs `image` [N, 3, S, S], RGB in [−1, 1], and"
        " `target` [N, 5], strength × one-hot in the order above. `generator.safetensors` holds the same"
        " weights as float32. Both carry a JSON header `kaogae`."
    )


def _learned_from(past: Past, header: Header) -> Iterator[str]:
    yield "## What it learned from"
    yield ""
    yield from _drawings(past, header)
    old = header.training.get("sets")
    if past.sets:
        yield f"| set | train faces | {' | '.join(EXPRESSIONS)} | SHA-256 of its manifest |"
        yield f"|---|---|{'---|' * len(EXPRESSIONS)}---|"
        for name, facts in list(past.sets.items())[:ROWS]:
            counts = table(facts.get("expressions"))
            each = " | ".join(count(counts.get(one)) for one in EXPRESSIONS)
            yield f"| {code(name)} | {count(facts.get('faces'))} | {each} | {hash_of(facts.get('hash'))} |"
        yield ""
        yield from _licences(past.sets)
        yield ""
    elif table(old):  # a run of an older version
        yield f"Frozen sets, by SHA-256 of their manifests; number and licences of the faces: {NOT_RECORDED}."
        yield ""
        yield from (f"- {code(name)} {hash_of(digest)}" for name, digest in list(table(old).items())[:ROWS])
        yield ""
    elif not past.data and old is None:
        yield f"Frozen sets: {NOT_RECORDED}."
        yield ""
    yield f"Hash of all data: {hash_of(header.dataset)}."


def _drawings(past: Past, header: Header) -> Iterator[str]:
    drawn = past.settings.data.drawn if past.settings else header.training.get("drawn_characters")
    if type(drawn) is not int:
        yield f"Drawn faces: {NOT_RECORDED}."
    elif drawn:
        digest = past.data.get("drawings")
        yield (
            f"{drawn:,} drawn characters, each with all five expressions, by Kaogae's atelier"
            + (f" (hash of the order and of the artist's code: {hash_of(digest)})." if digest else ".")
        )
    else:
        return
    yield ""


def _licences(sets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "Licences of the sets' faces, as their sources state them:"
    yield ""
    for name, facts in list(sets.items())[:ROWS]:
        counts = table(facts.get("licences"))
        parts = [f"{code(licence)} {count(number)}" for licence, number in list(counts.items())[:ROWS]]
        yield f"- {code(name)}: {', '.join(parts) if parts else NOT_RECORDED}"


def _trained(past: Past, header: Header) -> Iterator[str]:
    settings, told = past.settings, header.training
    begun, saved = past.latest("started", "continued"), past.latest("saved")
    batch = settings.batch if settings else told.get("batch")
    done = told.get("iterations")
    of = f" of {settings.iterations:,}" if settings else ""
    versions = [f"{name} {code(begun[name])}" for name in ("kaogae", "torch") if name in begun]
    machine = [code(begun["device"])] if "device" in begun else []
    units = (("processors", "processors"), ("threads", "threads"), ("processes", "processes"))
    machine += [f"{count(begun[key])} {unit}" for key, unit in units if begun.get(key, 1) != 1]
    rows = {
        "preset": code(told["preset"]) if "preset" in told else NOT_RECORDED,
        "seed": count(told.get("seed")),
        "iterations": f"{count(done)}{of}, batch {count(batch)}",
        "images seen": f"{header.images_seen:,}, with repetition",
        "arithmetic": settings.precision if settings else NOT_RECORDED,
        "time": duration(past.seconds),
        "images/s": measured(saved.get("images_per_second")),
        "machine": ", ".join(machine) or NOT_RECORDED,
        "versions": ", ".join(versions) or NOT_RECORDED,
        "command": command(begun.get("command")),
    }
    yield "## How it was trained"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in rows.items())
    yield ""
    yield from _changed(past)


def _changed(past: Past) -> Iterator[str]:
    settings = past.settings
    try:
        changed = differences(load_settings(settings.preset), settings) if settings else None
    except KaogaeError:  # settings of somebody's own, without a preset of that name
        changed = None
    if settings is None or changed is None:
        yield f"Differences from the preset: {NOT_RECORDED}."
    elif not changed:
        yield f"Every setting is that of the preset {code(settings.preset)} of Kaogae {__version__}."
    else:
        yield f"Settings that aren't those of the preset {code(settings.preset)} of Kaogae {__version__}:"
        yield ""
        yield "| setting | preset | this run |"
        yield "|---|---|---|"
        for key, (was, now) in list(changed.items())[:ROWS]:
            yield f"| {code(key)} | {code(was)} | {code(now)} |"


def _losses(past: Past) -> Iterator[str]:
    yield "## Losses at the end"
    yield ""
    rows = past.losses[-max(1, round(LAST * len(past.losses))) :]
    means = {key: [row[key] for row in rows if key in row] for key in MEANINGS}
    lines = [
        f"| {meaning} | {sum(means[key]) / len(means[key]):.4g} |"
        for key, meaning in MEANINGS.items()
        if means[key]
    ]
    if lines:
        first, last = rows[0]["iteration"], rows[-1]["iteration"]
        yield (
            f"At iteration {last:,}." if first == last else f"Mean over the iterations {first:,} to {last:,}."
        )
        yield ""
        yield "| | |"
        yield "|---|---|"
        yield from lines
    else:
        yield f"{NOT_RECORDED.capitalize()}."
    if past.curves:
        yield ""
        yield "![The losses over the iterations; outliers are left out of the scale](losses.png)"


def _limits(past: Past, header: Header) -> Iterator[str]:
    yield "## What it can't do"
    yield ""
    yield "- Other expressions than these five."
    yield (
        f"- More detail than {header.image_size} × {header.image_size} pixels of face: in larger faces the"
        " changed parts are softer than the rest."
    )
    yield "- Faces that the detector misses: very large, very small, turned and covered ones."
    settings = past.settings
    done = header.training.get("iterations")
    if settings and type(done) is int and done < settings.iterations:
        yield f"- What the rest of its run would teach: {done:,} of {settings.iterations:,} iterations done."
    if settings and settings.data.drawn and "sets" in past.data and not past.sets:
        yield "- It has seen drawn faces alone, so how it does on an artist's is unknown."
    yield from _scarce(past)
    alarms = [one for one in past.history if one.get("event") == "alarm"]
    for alarm in alarms[-5:]:
        place = count(alarm.get("iteration"))
        yield f"- Noticed in training, at iteration {place}: {code(alarm.get('sentence'))}"


def _scarce(past: Past) -> Iterator[str]:
    """Expressions of which there was less than half of an even share, where frozen sets alone taught."""
    counts = [table(facts.get("expressions")) for facts in past.sets.values()]
    if not counts or past.settings is None or past.settings.data.drawn:
        return
    totals = {one: sum(n for one_set in counts if type(n := one_set.get(one)) is int) for one in EXPRESSIONS}
    even = sum(totals.values()) / len(EXPRESSIONS)
    for one, number in totals.items():
        if number < even / 2:
            yield f"- {one.capitalize()}: it saw {number:,} such faces; an even share would be {even:,.0f}."


def _parameters(header: Header) -> int:
    return sum(one.numel() for one in build_generator(header.generator).parameters())
