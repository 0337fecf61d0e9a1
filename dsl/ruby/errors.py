"""Ruby's exceptions as Python's: one class for each, in Ruby's hierarchy, with Ruby's messages.

Code that was compiled raises these; what Python raises by itself (a stack that is too deep, a wrong
number of arguments) is turned into the nearest of them when a ``rescue`` asks for it.
"""

from __future__ import annotations

import re
from typing import Any

from ..diagnostics import PenstockError
from ..guard import MatchTimeout


class RubyException(PenstockError):
    """Ruby's ``Exception``; ``ruby`` is the name of a class in Ruby."""

    ruby = "Exception"

    def __init__(self, message: Any = None) -> None:
        super().__init__(self.ruby if message is None else message)

    @property
    def message(self) -> str:
        """What the exception says."""
        return str(self.args[0])


EXCEPTIONS: dict[str, type[RubyException]] = {"Exception": RubyException}
"""Every class of exceptions by its name in Ruby."""


def _declare(name: str, parent: str) -> type[RubyException]:
    made = type(name.replace("::", ""), (EXCEPTIONS[parent],), {"ruby": name})
    EXCEPTIONS[name] = made
    return made


StandardError = _declare("StandardError", "Exception")
ScriptError = _declare("ScriptError", "Exception")
NotImplementedError_ = _declare("NotImplementedError", "ScriptError")
SystemStackError = _declare("SystemStackError", "Exception")
NoMemoryError = _declare("NoMemoryError", "Exception")
ArgumentError = _declare("ArgumentError", "StandardError")
UncaughtThrowError = _declare("UncaughtThrowError", "ArgumentError")
EncodingError = _declare("EncodingError", "StandardError")
CompatibilityError = _declare("Encoding::CompatibilityError", "EncodingError")
UndefinedConversionError = _declare("Encoding::UndefinedConversionError", "EncodingError")
InvalidByteSequenceError = _declare("Encoding::InvalidByteSequenceError", "EncodingError")
ConverterNotFoundError = _declare("Encoding::ConverterNotFoundError", "EncodingError")
FiberError = _declare("FiberError", "StandardError")
IOError_ = _declare("IOError", "StandardError")
IndexError_ = _declare("IndexError", "StandardError")
KeyError_ = _declare("KeyError", "IndexError")
StopIteration_ = _declare("StopIteration", "IndexError")
LocalJumpError = _declare("LocalJumpError", "StandardError")
NameError_ = _declare("NameError", "StandardError")
NoMethodError = _declare("NoMethodError", "NameError")
RangeError = _declare("RangeError", "StandardError")
FloatDomainError = _declare("FloatDomainError", "RangeError")
RegexpError = _declare("RegexpError", "StandardError")
RuntimeError_ = _declare("RuntimeError", "StandardError")
FrozenError = _declare("FrozenError", "RuntimeError")
ThreadError = _declare("ThreadError", "StandardError")
TypeError_ = _declare("TypeError", "StandardError")
ZeroDivisionError_ = _declare("ZeroDivisionError", "StandardError")
DomainError = _declare("Math::DomainError", "ArgumentError")
JSONError = _declare("JSON::JSONError", "StandardError")
JSONParserError = _declare("JSON::ParserError", "JSON::JSONError")
JSONNestingError = _declare("JSON::NestingError", "JSON::ParserError")
JSONGeneratorError = _declare("JSON::GeneratorError", "JSON::JSONError")
URIError = _declare("URI::Error", "StandardError")
InvalidURIError = _declare("URI::InvalidURIError", "URI::Error")
InvalidComponentError = _declare("URI::InvalidComponentError", "URI::Error")
IPAddrError = _declare("IPAddr::Error", "ArgumentError")
InvalidAddressError = _declare("IPAddr::InvalidAddressError", "IPAddr::Error")
AddressFamilyError = _declare("IPAddr::AddressFamilyError", "IPAddr::Error")
InvalidPrefixError = _declare("IPAddr::InvalidPrefixError", "IPAddr::InvalidAddressError")
LogStashParserError = _declare("LogStash::Json::ParserError", "StandardError")
LogStashGeneratorError = _declare("LogStash::Json::GeneratorError", "StandardError")
ZlibError = _declare("Zlib::Error", "StandardError")
ZlibDataError = _declare("Zlib::DataError", "Zlib::Error")
ZlibBufError = _declare("Zlib::BufError", "Zlib::Error")
GzipFileError = _declare("Zlib::GzipFile::Error", "Zlib::Error")
MalformedCSVError = _declare("CSV::MalformedCSVError", "RuntimeError")
DateError = _declare("Date::Error", "ArgumentError")


class NotCompiled(PenstockError):
    """Ruby that is not compiled: what it is, and where it stands in the text, in characters."""

    def __init__(self, what: str, start: int = 0, end: int = 0) -> None:
        super().__init__(what)
        self.what, self.start, self.end = what, start, end


class NoJava(NotCompiled):
    """Classes of Java, which neither route has."""


class RubySyntaxError(PenstockError):
    """A text that is not valid Ruby, with the place where it stops being so."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start, self.end = start, end


class Jump(BaseException):
    """``break`` or ``return`` out of a block, or ``throw``: on its way to the call that it ends."""

    def __init__(self, tag: object, value: Any) -> None:
        self.tag, self.value = tag, value


_ARITY = re.compile(r"takes (?:from )?(\d+)(?: to (\d+))? positional arguments? but (\d+)")
_MISSING = re.compile(r"missing (\d+) required positional")


def rescued(error: Exception) -> RubyException:
    """The exception that a ``rescue`` sees. Raises what is none of Ruby's business again."""
    if isinstance(error, RubyException):
        return error
    if isinstance(error, MatchTimeout | NotCompiled):
        raise error
    return translated(error)


def translated(error: BaseException) -> RubyException:
    """An exception of Python's own as the one that Ruby would have raised."""
    made = _translated(error)
    made.__cause__ = error
    return made


def _translated(error: BaseException) -> RubyException:
    if isinstance(error, Jump):
        return _lost(error)
    if isinstance(error, RecursionError):
        return SystemStackError("stack level too deep")
    if isinstance(error, MemoryError):
        return NoMemoryError("failed to allocate memory")
    if isinstance(error, ZeroDivisionError):
        return ZeroDivisionError_("divided by 0")
    if isinstance(error, TypeError) and "argument" in str(error):
        return ArgumentError(_arity_text(str(error)))
    if isinstance(error, OverflowError):
        return RangeError(str(error))
    return StandardError(str(error))


def _lost(jump: Jump) -> RubyException:
    """What a jump is that has nowhere to go."""
    from .inspection import inspect

    if type(jump.tag) is tuple:
        return UncaughtThrowError(f"uncaught throw {inspect(jump.tag[1])}")
    return LocalJumpError("unexpected return or break out of a block")


def _arity_text(text: str) -> str:
    found = _ARITY.search(text)
    if found is not None:
        own = 0 if re.match(r"(?:u_|b\d)", text) else 1  # the receiver, which Ruby does not count
        least, most, given = [None if n is None else str(int(n) - own) for n in found.groups()]
        expected = f"{least}..{most}" if most else least
        return f"wrong number of arguments (given {given}, expected {expected})"
    found = _MISSING.search(text)
    if found is not None:
        names = re.findall(r"'([^']+)'", text)
        return f"wrong number of arguments (given 0, expected {max(int(found[1]), len(names))})"
    named = re.search(r"missing \d+ required keyword-only arguments?: '(?:v_)?(\w+)'", text)
    if named is not None:
        return f"missing keyword: :{named[1]}"
    named = re.search(r"unexpected keyword argument '(?:v_)?(\w+)'", text)
    return f"unknown keyword: :{named[1]}" if named else text
