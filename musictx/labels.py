"""Names as text: of files and folders in a picture, of what a model played in a MIDI file."""

from musictx import __version__


def track_names(model: str, seed: int) -> tuple[str, str]:
    """Names of the two tracks of a MIDI file: the primer, and what a model played on with a seed.

    Examples
    --------
    >>> from musictx.labels import track_names
    >>> track_names("relative", 7)[1].startswith("Continuation: relative, seed 7, musictx ")
    True
    """
    return "Primer", f"Continuation: {model[:60]}, seed {seed}, musictx {__version__}"


def plain_label(name: str) -> str:
    """A name as matplotlib draws it letter by letter.

    Dollar signs are not mathematics, and what is not UTF-8 in a file's name has a sign in its place.
    """
    return name.encode("utf-8", "replace").decode().replace("$", r"\$")
