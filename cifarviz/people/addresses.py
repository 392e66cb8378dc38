"""The addresses at which other computers reach this one."""

import socket


def network_addresses() -> list[str]:
    """Return the IPv4 addresses of this computer on networks, the usual one first."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: it only asks by which way such a packet would leave.
            probe.connect(("192.0.2.1", 9))
            found.append(str(probe.getsockname()[0]))
        except OSError:
            pass
    try:
        facts = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        found += [str(fact[4][0]) for fact in facts]
    except OSError:
        pass
    return [one for one in dict.fromkeys(found) if not one.startswith("127.")]
