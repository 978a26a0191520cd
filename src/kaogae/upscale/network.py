"""CARN on pictures of 8 bits."""

import torch

from kaogae.upscale.carn import REACH, Carn
from kaogae.upscale.enlarge import Pixels, check_pixels


class Network:
    """CARN or CARN-M on uint8 pictures."""

    reach = REACH

    def __init__(self, model: Carn) -> None:
        """`model`: from `load_carn`, on the device where it is to work."""
        self.model = model
        self.method = model.method

    def __call__(self, images: Pixels, scale: int) -> Pixels:
        """RGB uint8 [N, H, W, 3] to [N, scale·H, scale·W, 3], rounded.

        Raises:
            UsageError: no such scale, or an array of another shape.
        """
        check_pixels(images, scale)
        device = self.model.entry.weight.device
        with torch.inference_mode():
            batch = torch.tensor(images, device=device).permute(0, 3, 1, 2)
            larger = self.model(batch.float().div_(255), scale).mul_(255).round_()
            return larger.byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()

    def begin_thread(self) -> None:
        """The threads are the parallelism: more, which torch would start for each, get in the way."""
        torch.set_num_threads(1)
