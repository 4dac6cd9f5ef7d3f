"""What a case wants to find when it begins."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Needs:
    """`guests` of the topology that must run. `loaded`: modules in dom0, g1 and g2 with their channel up, and in no
    other guest (True), nowhere (False), or as the case before left them (None). `ascending`: the guests' domids
    ascend in the order of `guests`. `types`: of the guests that are not to be PV guests. `packages`: whether dom0 and
    guests with Debian have xlnet's packages to install. `systemd`: whether that is dom0's init. `previous`: whether all
    have the modules of an earlier version, without which the case cannot be run."""

    guests: tuple = ("g1", "g2")
    loaded: bool | None = True
    ascending: bool = False
    types: dict = dataclasses.field(default_factory=dict)
    packages: bool = False
    systemd: bool = False
    previous: bool = False

    def type_of(self, settings, kind):
        """The type that a guest is to have, in a run of the case where all are of a kind, or of their own."""
        return kind or self.types.get(settings.name, settings.type)
