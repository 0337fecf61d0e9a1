"""Files by patterns with ``*``, ``?``, ``[a-z]``, ``**`` and ``{one,two}``; hidden ones are not
meant. Names that come and go are matched by the file input's own patterns (``inputs/_globs``).
"""

from __future__ import annotations


def found(pattern: str) -> list[str]:
    """The paths that a pattern means, sorted, each once."""
    from wcmatch import glob  # only who has a pattern needs it

    return sorted(set(glob.glob(pattern, flags=glob.BRACE | glob.GLOBSTAR)))
