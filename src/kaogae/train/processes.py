"""Several processes that train together: what they share, what they agree on, and how all end when one does.

Not with Fabric's own `all_reduce`, `broadcast` and `rank_zero_first`: the first puts a barrier before each
sum, for which a GPU has to finish its work, and the last never returns where the first process has failed.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor

from kaogae.errors import KaogaeError, ModelError

PATIENCE = timedelta(days=365)
"""How long processes wait for the one that draws or writes. One that has ended is noticed at once."""

LAST_TURN = 2


class Processes:
    """Those of one run; with a single one, nothing here does anything.

    Every method is called by all processes, in the same order. What is agreed on goes over a group of its
    own, from memory to memory, so that no GPU is waited for.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.rank, self.count = fabric.global_rank, fabric.world_size
        self._turn = 0 if self.leads else 1 if fabric.local_rank == 0 else LAST_TURN
        self._group: dist.ProcessGroup | None = None
        if self.count > 1:
            group = dist.new_group(backend="gloo", timeout=PATIENCE)
            assert isinstance(group, dist.ProcessGroup)  # this process is one of them
            self._group = group

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def largest(self, value: int) -> int:
        """Of the values of all processes."""
        if self._group is None:
            return value
        both = torch.tensor(value)
        dist.all_reduce(both, dist.ReduceOp.MAX, self._group)
        return int(both)

    def require_same(self, value: int, what: str) -> None:
        """See whether `value` is the same in all processes.

        Raises:
            ModelError: they don't see the same `what`.
        """
        with self.together():
            if self.largest(value) != -self.largest(-value):
                raise ModelError(f"The processes of this run don't see the same {what}.")

    @contextmanager
    def together(self) -> Generator[None]:
        """A block that fails in all processes if it fails in one: nobody waits for who will never come.

        Raises:
            KaogaeError: in the first process with what is wrong, its own error or another's; in the others,
                whose words nobody needs twice, without a sentence.
        """
        if self._group is None:
            yield
            return
        error: Exception | None = None
        try:
            yield
        except Exception as caught:
            error = caught
        if not self.largest(error is not None):
            return
        said: list[str] = [""] * self.count
        dist.all_gather_object(said, _sentence(error), self._group)
        if error is not None and (self.leads or not isinstance(error, KaogaeError)):
            raise error
        raise ModelError(next(filter(None, said)) if self.leads else "") from error

    @contextmanager
    def in_turns(self) -> Generator[None]:
        """A block for the first process, then the first of each machine, which may have its own disk, then
        the others: who comes later finds what is already done. It fails in all if it fails in one.
        """
        for _ in range(self._turn):
            with self.together():
                pass
        with self.together():
            yield
        for _ in range(LAST_TURN - self._turn):
            with self.together():
                pass

    def close(self) -> None:
        if self._group is not None:
            dist.destroy_process_group(self._group)


def average(tensors: Iterable[Tensor]) -> None:
    """Make `tensors` the mean of those of all processes, in place, sent in one piece."""
    # Channels last, as networks have them: so nothing is put into another order
    tensors = [tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor for tensor in tensors]
    if not tensors or not dist.is_initialized() or dist.get_world_size() == 1:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(mean.view_as(tensor))


@contextmanager
def lost_processes_explained() -> Generator[None]:
    """A process that is gone becomes a sentence in those that were waiting for it.

    Raises:
        ModelError: another process has ended.
    """
    try:
        yield
    except RuntimeError as error:  # of gloo, which has no class of its own for it
        if dist.is_initialized() and any(sign in str(error) for sign in _LOST):
            raise ModelError(
                "Another process of this run has ended, so this one does: see what it says. The last saved "
                "state is as it was, and the same command goes on from it."
            ) from error
        raise


_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Socket closed")


def _sentence(error: Exception | None) -> str:
    if error is None:
        return ""
    if isinstance(error, KaogaeError):
        return str(error)
    return f"Another process of this run has failed: {type(error).__name__}: {error}"
