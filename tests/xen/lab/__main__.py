"""The lab's command line: what tests/xen/run passes on."""

import sys

from . import demo, migration, runner, shell


def main(arguments):
    match arguments:
        case ["test", *names]:
            return runner.run(names)
        case ["debug", *names]:
            return runner.run_debug(names)
        case ["kernel", *names]:
            return runner.run_kernel(names)
        # Of tests/xen/run, which makes that image.
        case ["debian", mode, *names]:
            return 0 if runner.want_debian(mode, names) else 1
        # Likewise.
        case ["packages", mode, *names]:
            return 0 if runner.want_packages(mode, names) else 1
        case ["list"]:
            print("\n".join(runner.names()))
            return 0
        case ["demo"]:
            return demo.run()
        case ["migration"]:
            return migration.run()
        case ["shell"]:
            return shell.run()
    print("usage: lab {test|debug|kernel} [CASE…] | list | demo | migration | shell", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
