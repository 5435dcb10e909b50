"""The exception for mistakes that the user can fix."""


class InputError(Exception):
    """A mistake in a config, a file or a command line.

    The message is one sentence that names the file, key or image id and says what to do. Steps
    print it without a traceback and exit with status 1.
    """
