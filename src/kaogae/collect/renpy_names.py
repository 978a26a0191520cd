"""What artists' file names say: whose picture it is, and with which expression.

Whole words only, so that "happyness" or "saddle" say nothing. A name that speaks of two moods says nothing
either: "crying smile" is neither of the two. Other moods than the five are known for that reason alone.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from kaogae.expressions import Expression


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDS: dict[Expression, frozenset[str]] = {
    Expression.HAPPY: _listed(
        """
        happy vhappy happily happiness joy joyful joyous smile smiles smiling laugh laughs laughing
        laughter grin grins grinning giggle giggles giggling cheerful cheery delighted delight glad amused
        amusement beaming merry overjoyed ecstatic elated
        egao warai warau nikkori nikoniko niko yorokobi ureshii 笑顔 笑い 笑 喜び 嬉しい 喜
        bahagia senang tersenyum senyum tertawa feliz sonrisa sonriendo sonriente riendo alegre
        sorriso sorridente sorrindo rindo felice sorridere heureux heureuse sourire souriant souriante
        fröhlich glücklich lächeln lächelnd lachen lachend улыбка радость смех"""
    ),
    Expression.SAD: _listed(
        """
        sad sadly sadness sorrow sorrowful gloomy depressed downcast dejected melancholy melancholic
        heartbroken
        kanashii kanasii kanashimi kanasimi ochikomi otikomi 悲しい 悲しみ 悲 落ち込み
        sedih triste tristesse tristeza traurig грусть грустный грустная"""
    ),
    Expression.CRYING: _listed(
        """
        crying cry cries cried tear tears teary tearful teared sob sobs sobbing weep weeping bawling
        wailing grief naki naku nakigao namida 泣き 泣く 泣き顔 泣 涙
        menangis nangis llorando llora lloro chorando choro piange piangere piangendo pleure pleurs
        pleurant weinen weinend плачет плач слёзы слезы"""
    ),
    Expression.NEUTRAL: _listed(
        """
        neutral neutrally normal normale normally expressionless
        futsuu futsu futuu hutuu tsuujou muhyoujou 通常 普通 無表情
        netral neutro neutra neutre нейтральный нейтральная"""
    ),
    Expression.SURPRISED: _listed(
        """
        surprised surprise suprised suprise surprized shocked shock gasp gasping startled astonished amazed
        stunned
        bikkuri odoroki odoroku 驚き 驚く 驚 びっくり
        kaget terkejut sorprendido sorprendida sorpresa surpreso surpresa sorpreso surpris
        überrascht удивление"""
    ),
}
"""The words that name each expression: Danbooru's and SillyTavern's, visual novels', in several languages."""

OTHER_MOODS = _listed(
    """
        angry anger angered mad rage raging furious fury annoyed annoyance irritated grumpy pout pouting
    evil smug smirk smirking sneer scared scary afraid fear fearful terrified worried worry concerned anxious
    nervous nervousness embarrassed embarrassment shy confused confusion confuse disgusted disgust
    serious determined bored tired sleepy sleeping wink winking frown frowning upset excited excitement
    disappointed disappointment doubt curious curiosity pensive jealous pain hurt proud pride sigh
    okori ikari tere metoji komari donari doki marah takut malu cemburu sinis emosi kecewa
    怒り 照れ 困り 恐怖"""
)
"""Moods that are none of the five, or now one and now another: beside one of the five, a name says two."""

UNWANTED = {
    "background": _listed("bg bgs background backgrounds scenery haikei hintergrund"),
    "event picture": _listed("cg cgs event events gallery ending endings title splash"),
    "interface": _listed(
        "gui ui menu menus button buttons icon icons logo textbox cursor screen screens overlay"
    ),
    "item": _listed("item items prop props object objects inventory map maps"),
    "effect": _listed("effect effects fx particle particles weather transition transitions"),
}
"""Pictures without a character, or with several: words that their folders or names begin or end with."""

NOT = _listed("not no non un never less without isnt dont")

SHELVES = _listed(
    """
        game images image img sprite sprites character characters chara charas char chars fgimage expression
    expressions emotion emotions face faces assets asset art artset artsets public static data portrait
    portraits standing tachie sorted placeholder bust busts full layered pictures png webp res"""
)
"""Folders that say nothing about whose picture lies in them."""

FILLERS = _listed("side closed eyed eyes open wide big little faint v but and blush blushing blushed")
"""Words before a name or a mood that aren't a character's name."""

_TOKEN = re.compile(
    r"""[A-Z]+(?![a-z])       # an abbreviation
      | [A-Z]?[a-zß-öø-ÿ]+    # a word, also within camelCase
      | [А-ЯЁа-яё]+
      | [\u3041-\u30ff\u3400-\u9fff々ー]+
      | \d+
      | [^\W\d_]+             # whatever other script""",
    re.VERBOSE,
)
LONGEST_NAME = 300
"""Letters of a name that are read."""


def words(name: str) -> list[str]:
    """The words of a name in lower case: "eileen_veryHappy2" is eileen, very, happy, 2."""
    return [token.lower() for token in _TOKEN.findall(unicodedata.normalize("NFC", name)[:LONGEST_NAME])]


def moods(parts: Iterable[str]) -> frozenset[str]:
    """What these words name: expressions, and "other" for other moods and denials.

    Args:
        parts: words as from `words`.
    """
    said: set[str] = set()
    for part in parts:
        said.update(expression for expression, known in WORDS.items() if part in known)
        if part in OTHER_MOODS or part in NOT:
            said.add("other")
    return frozenset(said)


@lru_cache(maxsize=4096)
def mood(name: str) -> frozenset[str]:
    """`moods` of the words of a name."""
    return moods(words(name))


def the_one(said: Iterable[str]) -> Expression | None:
    """The one expression that is named; None if none is, or two moods are, or one is denied."""
    named = set(said)
    return Expression(next(iter(named))) if len(named) == 1 and "other" not in named else None


def read_path(path: str) -> tuple[frozenset[str], str | None]:
    """Moods and character by the path of a picture within its project, with "/" between parts.

    The moods are what the file's own name says, without the character's name: in joy/joy_sad.png the
    folder says that Joy is a person. The character is the image tag where Ren'Py would see one ("eileen
    happy.png"), else the first folder that isn't a shelf ("sprites"), else the first word that isn't a mood.
    """
    pure = PurePosixPath(path)
    stem = words(pure.stem)
    folders = [part for part in pure.parts[:-1] if _is_name(words(part)) or _begins(stem, words(part))]
    tag, *attributes = pure.stem.split() or [""]
    if tag.lower() == "side" and attributes:
        tag, *attributes = attributes
    if attributes and _is_name(words(tag)):
        who = tag
    elif folders:
        who = folders[0]
    else:
        who = next((part for part in stem if _is_name([part])), None)
    folder_words = {part for folder in folders for part in words(folder)}
    rest = [part for part in stem if part not in folder_words]
    return moods(rest) or moods(stem), who.lower() if who else None


def unwanted(path: str) -> str | None:
    """Why a picture isn't a character's, by its path; None if it may be one."""
    pure = PurePosixPath(path)
    for part in (*pure.parts[:-1], pure.stem):
        said = words(part)
        for reason, known in UNWANTED.items():
            if said and (said[0] in known or said[-1] in known):
                return reason
    return None


def read_image_name(name: Iterable[str]) -> tuple[frozenset[str], str]:
    """Moods and character by an image's name in a script, as in `image eileen happy`.

    The first part, the tag, is the character; of `side eileen happy` the second. Only the rest is read.
    """
    tag, *attributes = name
    if tag == "side" and attributes:
        tag, *attributes = attributes
    if attributes:
        return mood(" ".join(attributes)), tag
    parts = words(tag)  # `image eileen_happy`: Ren'Py sees one long tag, people see two words
    who = next((part for part in parts if _is_name([part])), tag) if moods(parts) else tag
    return moods(parts), who


def _begins(stem: list[str], folder: list[str]) -> bool:
    """Whether a name says whose it is as its folder does, and then a mood."""
    return bool(folder) and stem[: len(folder)] == folder and bool(moods(stem[len(folder) :]))


def _is_name(parts: list[str]) -> bool:
    """Whether these words can be a character's name: not only shelves, numbers and fillers, and no mood."""
    rest = [part for part in parts if part not in SHELVES and part not in FILLERS and not part.isdecimal()]
    return bool(rest) and not moods(parts)
