"""Actors of DBSR (Bhat et al., CVPR 2021)."""

from actors.super_resolution import RealWorldSRActor, SyntheticSRActor


class DBSRSyntheticActor(SyntheticSRActor):
    """DBSR on synthetic bursts."""


class DBSRRealWorldActor(RealWorldSRActor):
    """DBSR on BurstSR."""
