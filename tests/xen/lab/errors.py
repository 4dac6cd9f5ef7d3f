"""What can go wrong, apart from bugs in the driver itself."""


class LabError(Exception):
    """The lab did not do what it was told: a boot, a command or a guest failed."""


class CommandTimeout(LabError):
    """A command did not end in time."""


class CaseFailure(AssertionError):
    """What a case shows does not hold."""
