"""The settings that are measured: which guests run, and what is measured between them."""

from .cpus import CpusSetting
from .pair import PairSetting
from .router import RouterSetting
from .scale import ScaleSetting
from .smp import SmpSetting

SETTINGS = (
    PairSetting(),
    CpusSetting(2, quick=True),
    CpusSetting(4, quick=False),
    SmpSetting(),
    ScaleSetting(),
    RouterSetting(),
)
