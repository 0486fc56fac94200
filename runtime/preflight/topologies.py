"""TPUs by name: how many, how large, how fast.

Source: cloud.google.com/tpu/docs, the pages on v2 to v6e (bfloat16 peak, memory and
its bandwidth of one chip). A TPU multiplies float32 matrices at its bfloat16 rate
unless a higher precision is asked for, which this toolkit does not.
"""

from __future__ import annotations

import dataclasses

from runtime.errors import SettingsError


@dataclasses.dataclass(frozen=True)
class Chip:
    """One kind of TPU chip.

    Attributes:
        memory: HBM in bytes.
        flops: Peak of matrix products, floating point operations a second.
        bandwidth: Of the HBM, bytes a second.
    """

    memory: int
    flops: float
    bandwidth: float


@dataclasses.dataclass(frozen=True)
class Topology:
    """A TPU as it is rented.

    Attributes:
        name: For example `v5e-8`.
        layout: The same in the compiler's words, for example `v5e:2x4`.
        chips: How many.
        chip: Of what kind.
        chip_config: How the compiler is told to use it: `megacore` makes one device of
            the two cores of a chip, as JAX and TPUStrategy do on a v4.
    """

    name: str
    layout: str
    chips: int
    chip: Chip
    chip_config: str = "default"

    def share(self, devices: int) -> Chip:
        """What each device of the topology has: a chip, or one of its cores."""
        part = self.chips / devices
        return Chip(
            memory=int(self.chip.memory * part),
            flops=self.chip.flops * part,
            bandwidth=self.chip.bandwidth * part,
        )


def find(name: str) -> Topology:
    """The topology of that name.

    Raises:
        SettingsError: The name is not known; lists those that are.
    """
    if name not in TOPOLOGIES:
        raise SettingsError(
            f"--topology={name} is not known. Known: {', '.join(TOPOLOGIES)}."
        )
    return TOPOLOGIES[name]


_GIB = 2**30
_V2 = Chip(memory=16 * _GIB, flops=46e12, bandwidth=700e9)
_V3 = Chip(memory=32 * _GIB, flops=123e12, bandwidth=900e9)
_V4 = Chip(memory=32 * _GIB, flops=275e12, bandwidth=1200e9)
_V5E = Chip(memory=16 * _GIB, flops=197e12, bandwidth=819e9)
_V5P = Chip(memory=95 * _GIB, flops=459e12, bandwidth=2765e9)
_V6E = Chip(memory=32 * _GIB, flops=918e12, bandwidth=1640e9)

TOPOLOGIES = {
    topology.name: topology
    for topology in (
        Topology("v2-8", "v2:2x2x1", 4, _V2),
        Topology("v3-8", "v3:2x2x1", 4, _V3),
        Topology("v4-8", "v4:2x2x1", 4, _V4, "megacore"),
        Topology("v5e-1", "v5e:1x1", 1, _V5E),
        Topology("v5e-4", "v5e:2x2", 4, _V5E),
        Topology("v5e-8", "v5e:2x4", 8, _V5E),
        Topology("v5p-8", "v5p:2x2x1", 4, _V5P),
        Topology("v6e-1", "v6e:1x1", 1, _V6E),
        Topology("v6e-4", "v6e:2x2", 4, _V6E),
        Topology("v6e-8", "v6e:2x4", 8, _V6E),
    )
}
"""By name, oldest first."""
