"""Two containers, joined by devices that have the name and the index of the NIC, each in its own namespace."""

# A kernel that has tunnels built in gives each new namespace devices for them, and these the first indexes.
_MAKE = """
read -r index </sys/class/net/eth0/ifindex
sysctl -q net.core.fb_tunnels_only_for_init_net=1
ip netns add near && ip netns add far &&
ip -n near link add eth0 index $index type veth peer name eth0 index $index netns far &&
ip -n near link set eth0 up && ip -n far link set eth0 up
"""
_REMOVE = "ip netns del near; ip netns del far; sysctl -q net.core.fb_tunnels_only_for_init_net=0"


def near_and_far(guest):
    """A guest has them for the `with` block: namespaces `near` and `far`."""
    return guest.applied(_MAKE, _REMOVE)
