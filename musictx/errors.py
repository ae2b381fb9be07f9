"""The one exception that musictx raises for input it cannot use."""


class MusictxError(ValueError):
    """Something is wrong with a file, an option or a model, said in one line for a musician.

    The message names the file or the option, what was found there, and what would be accepted.
    The command line prints it on standard error and exits with status 1.
    """
