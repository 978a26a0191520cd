"""Who is drawn: all traits of one character, from one seed."""

import random
from dataclasses import dataclass

from kaogae.atelier.accessories import AccessoryTraits
from kaogae.atelier.brows import BrowTraits
from kaogae.atelier.cheeks import CheekTraits
from kaogae.atelier.clothes import ClothesTraits
from kaogae.atelier.eyes import EyeTraits
from kaogae.atelier.face import FaceTraits
from kaogae.atelier.hair import HairTraits
from kaogae.atelier.mouth import MouthTraits
from kaogae.atelier.nose import NoseTraits
from kaogae.atelier.palette import Palette
from kaogae.atelier.style import Look, Style, sample_look
from kaogae.atelier.tears import TearTraits


@dataclass(frozen=True)
class Character:
    """A character and the hand that draws it. What expressions change isn't in here: see `Rig`."""

    seed: int
    look: Look
    style: Style
    palette: Palette
    face: FaceTraits
    nose: NoseTraits
    cheeks: CheekTraits
    eyes: EyeTraits
    brows: BrowTraits
    mouth: MouthTraits
    tears: TearTraits
    hair: HairTraits
    clothes: ClothesTraits
    accessories: AccessoryTraits

    @classmethod
    def from_seed(cls, seed: int) -> "Character":
        """The character of this seed: the same on every machine."""

        # a generator for each part, so that a new trait in one leaves the others as they are
        def dice(part: str) -> random.Random:
            return random.Random(f"kaogae {seed} {part}")

        look = sample_look(dice("look"))
        style = Style.sample(dice("style"))
        palette = Palette.sample(dice("palette"))
        return cls(
            seed=seed,
            look=look,
            style=style,
            palette=palette,
            face=FaceTraits.sample(dice("face"), look),
            nose=NoseTraits.sample(dice("nose"), look),
            cheeks=CheekTraits.sample(dice("cheeks")),
            eyes=EyeTraits.sample(dice("eyes"), look, palette, style.light),
            brows=BrowTraits.sample(dice("brows"), look),
            mouth=MouthTraits.sample(dice("mouth"), look),
            tears=TearTraits.sample(dice("tears")),
            hair=HairTraits.sample(dice("hair")),
            clothes=ClothesTraits.sample(dice("clothes")),
            accessories=AccessoryTraits.sample(dice("accessories")),
        )
