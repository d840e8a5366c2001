"""The one tree of errors: each carries the exit code of a job that ends with it."""


class OilakeError(Exception):
    """Ends a job with one clear sentence on stderr; `exit_code` is 2 when nothing better is known."""

    exit_code = 2


def os_cause(error: OSError) -> str:
    """What the system says went wrong, with the file where it names one: for a sentence of one of the errors below."""
    cause = " ".join((error.strerror or str(error) or type(error).__name__).split())
    return f"{error.filename}: {cause}" if error.filename else cause


class ConfigError(OilakeError):
    """A YAML file, an environment variable or a flag does not fit (exit 2)."""


class InputError(OilakeError):
    """A release's file is missing, damaged or not what it should be (exit 2)."""


class StoreError(OilakeError):
    """A table or the disk under it cannot be read or written (exit 2)."""


class DataQualityError(OilakeError):
    """The data breaks a promise that stops publication (exit 1)."""

    exit_code = 1
