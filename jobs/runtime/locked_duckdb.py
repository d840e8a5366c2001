"""What a DuckDB is started with that reaches only what it is given: no file, network, extension or object of a process."""

from __future__ import annotations

ACCESS = "enable_external_access"
LOCKED = {
    ACCESS: "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}


def locked_settings(memory: str, threads: int) -> dict[str, str | bool | int | float | list[str]]:
    """The settings of such an engine with a limit of memory, such as 2GB, and of threads."""
    return {**LOCKED, "memory_limit": memory, "threads": str(threads)}
