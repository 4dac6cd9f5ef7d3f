"""The settings that are measured: which guests run, and what is measured between them."""

from .cpus import CpusSetting, PvhSetting
from .host import HostSetting
from .pair import PairSetting
from .router import RouterSetting
from .scale import ScaleSetting
from .smp import SmpSetting

SETTINGS = (
    PairSetting(),
    CpusSetting(2, quick=True),
    CpusSetting(4, quick=False),
    PvhSetting("pvh", 1),
    PvhSetting("pvh2", 2),
    SmpSetting(),
    ScaleSetting(),
    RouterSetting(),
    HostSetting(),
)
