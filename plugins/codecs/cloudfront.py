"""CloudFront's logs: lines of text in gzip's format, behind two lines that say what they are."""

from __future__ import annotations

from ...dsl.reference import Event
from ._gzip import GzipText


class Cloudfront(GzipText, name="cloudfront"):
    """The log files of AWS CloudFront, compressed with gzip; for inputs only.

    Each line is an event, with the file's `#Version` as `cloudfront_version` and its `#Fields` as
    `cloudfront_fields`; these two lines are not events. Damaged data is handled as by the codec
    `gzip_lines`, which tags it `_gzipparsefailure`.

    Differs from Logstash: the `message` of an event does not end in a line break, and a file that
    does not start with the two lines loses none.
    """

    def start(self) -> None:
        super().start()
        self._is_head = True
        self._said: dict[str, str | None] = {"cloudfront_version": None, "cloudfront_fields": None}

    def _events(self, lines: list[str]) -> list[Event]:
        return [
            {**event, **self._said}
            for event in super()._events(lines)
            if not self._takes_head(event["message"])
        ]

    def _takes_head(self, line: str) -> bool:
        """Whether a line is one of those that say what the file is."""
        self._is_head = self._is_head and line.startswith("#")
        if not self._is_head:
            return False
        name, _, said = line[1:].partition(": ")
        if name in ("Version", "Fields"):
            self._said[f"cloudfront_{name.lower()}"] = said.strip()
        return True
