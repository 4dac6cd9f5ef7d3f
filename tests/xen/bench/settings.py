"""The settings that are measured: which guests run, and what is measured between them."""

from .pair import PairSetting
from .router import RouterSetting
from .scale import ScaleSetting
from .smp import SmpSetting

SETTINGS = (PairSetting(), SmpSetting(), ScaleSetting(), RouterSetting())
