"""Many texts of one length read at once, as those of a batch are.

The hard idea: what is asked of each text, whether its minutes and seconds are digits and stand
where they should, is asked of all of them together: every n-th character of the joined texts is a
column, and a column is looked at in one call. What is left for each text is its hour, from a table
of the days that are known, and to copy the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from .minutes import KnownDay

_ALLOWED = {"5": "012345", "0": "0123456789"}
"""The characters that may stand where a shape has these; any other stands for itself."""

_MOST_HOURS = 24 * 4096
_RESTS = {0: ".000Z", 4: "Z"}
"""What ends an instant behind a fraction of so many characters, its point among them."""


class Column:
    """The texts of one length whose minutes and seconds go over into the instant as they are, with
    the hours that are known of them; ``of`` tells whether that is so.
    """

    __slots__ = ("_behind", "_checks", "_end", "_hours", "_is_own", "_length", "_minutes", "_rest")

    def __init__(self, minutes: int, shape: str, behind: str, rest: str) -> None:
        """``minutes`` is where they start, ``shape`` what stands there, ``behind`` what follows
        seconds and fraction; ``rest`` ends the instant.
        """
        self._minutes, self._behind, self._rest = minutes, behind, rest
        self._end = minutes + len(shape)
        self._length = self._end + len(behind)
        self._hours: dict[str, str] = {}
        self._is_own = behind == rest
        self._checks = list(enumerate(map(_ALLOWED.get, shape, shape), minutes))
        self._checks += enumerate(behind, self._end)

    @classmethod
    def of(cls, text: str, known: KnownDay) -> Column | None:
        """The column of texts such as this; None where something else than the hour is not
        copied.
        """
        place = known.place
        if place.halves or place.spot.width != 2 or not place.has_minutes:
            return None
        fraction, behind = text[place.start + 2 : place.end], text[place.end :]
        if not place.has_seconds:
            return cls(place.minutes, "50", behind, ":00.000Z")
        rest = _RESTS.get(len(fraction))
        if text[place.minutes + 2 : place.start] != ":" or fraction[:1] not in ("", "."):
            return None
        if rest is None:
            return None
        shape = "50:50" + fraction[:1] + "0" * len(fraction[1:])
        return cls(place.minutes, shape, behind, rest)

    def learn(self, text: str, known: KnownDay) -> None:
        """Keep the hours of the day of a text."""
        times, dates = known.day
        place = known.place
        if text[place.end :] != self._behind or place.minutes != self._minutes:
            return
        if len(self._hours) >= _MOST_HOURS:
            self._hours.clear()
        for number in range(24):
            before = place.at(text, f"{number:02d}", "00", "00")
            time = times[before[place.hours : place.start]]
            if time is None or time[1][3:] != ":00:":
                return
            hour, stamp = before[: self._minutes], dates[time[0]] + time[1][:4]
            self._hours[hour] = stamp
            self._is_own &= hour == stamp

    def read(self, texts: Sequence[str]) -> Sequence[str] | None:
        """The instants of texts of this length, as plain texts; None where not all of them are of
        known hours.
        """
        joined, count, length = "".join(texts), len(texts), self._length
        for place, char in self._checks:
            column = joined[place::length]
            if column.strip(char) if len(char) > 1 else column != char * count:
                return None
        hours, minutes, end, rest = self._hours, self._minutes, self._end, self._rest
        try:
            stamps = [hours[text[:minutes]] for text in texts]
        except KeyError:
            return None
        if self._is_own:
            return texts
        pairs = zip(stamps, texts, strict=True)
        return [hour + text[minutes:end] + rest for hour, text in pairs]
