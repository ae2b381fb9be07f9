"""Names of files and folders as text in a picture."""


def plain_label(name: str) -> str:
    """A name as matplotlib draws it letter by letter.

    Dollar signs are not mathematics, and what is not UTF-8 in a file's name has a sign in its place.
    """
    return name.encode("utf-8", "replace").decode().replace("$", r"\$")
