"""Ruby's exceptions as Python's: one class for each, in Ruby's hierarchy, with Ruby's messages.

Code that was compiled raises these; what Python raises by itself (a stack that is too deep, a wrong
number of arguments) is turned into the nearest of them when a ``rescue`` asks for it.
"""

from __future__ import annotations

from typing import Any

from ..diagnostics import PenstockError


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
