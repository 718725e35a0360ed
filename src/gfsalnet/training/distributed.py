"""Several processes as one run: `torchrun` starts them, and each learns from its share of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import PrefixStore  # type: ignore[attr-defined]  # public, but not listed
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from gfsalnet.device import resolve_device

_PATIENCE = timedelta(hours=12)
"""How long the other processes wait for the main one, which validates and writes between epochs."""


def is_main_process() -> bool:
    """Whether this is the process that writes and prints: the only one, or the first of `torchrun`'s."""
    return int(os.environ.get("RANK", "0")) == 0


@dataclass(frozen=True)
class Ranks:
    """The processes of a run, seen from one of them."""

    device: torch.device
    rank: int = 0
    """Number of this process, from 0."""
    world: int = 1
    """Number of processes."""

    @property
    def is_main(self) -> bool:
        """Whether this process validates, writes and tells the caller."""
        return self.rank == 0

    def ddp_model(self, network: nn.Module) -> nn.Module:
        """The network whose `backward` averages the gradients of all processes."""
        if self.world == 1:
            return network
        # It also copies the main process's buffers to the others before every forward pass, so that statistics of
        # batch-norm do not drift apart.
        return DistributedDataParallel(network, device_ids=[self.device.index] if self.device.type == "cuda" else None)

    def no_sync(self, network: nn.Module, *, unless: bool) -> AbstractContextManager[None]:
        """A context in which `backward` leaves gradients in this process; `unless` it is the last piece of a step."""
        return nullcontext() if unless or not isinstance(network, DistributedDataParallel) else network.no_sync()

    def sum(self, numbers: Sequence[float]) -> list[float]:
        """Each number, summed over the processes; all of them must call this equally often."""
        if self.world == 1:
            return list(numbers)
        # float64: sums must not depend on the number of processes. One tensor, so that there is one exchange.
        totals = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(totals)
        return [float(total) for total in totals]

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run the block in the main process, then in the others, which find there what it has made."""
        if not self.is_main:
            self.wait()
        yield
        if self.is_main:
            self.wait()

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def all_ranks(device: str) -> Iterator[Ranks]:
    """Join the processes that `torchrun` has started, or be alone.

    Args:
        device: as in `resolve_device`; of several GPUs each process takes its own.

    Raises:
        GFSalNetError: if the device is not available.
    """
    found = torch.device(resolve_device(device))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Ranks(found)
        return
    if found.type == "cuda":
        found = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(found)  # before NCCL starts, which takes the current device
    # `torchrun` keeps one store for all its attempts: under the names of the first, processes that replace killed ones
    # would find the addresses of the dead.
    store, rank, world = next(rendezvous("env://", timeout=_PATIENCE))
    store = PrefixStore(f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    backend = "nccl" if found.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=_PATIENCE)
    try:
        yield Ranks(found, dist.get_rank(), world)
    finally:
        dist.destroy_process_group()
