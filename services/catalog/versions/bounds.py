"""How a program that reads documents bounds itself."""

import resource


def limit(seconds: int, memory_bytes: int) -> None:
    """Take no more seconds of computing and bytes of memory than this from now on."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
