"""Opening plugins: what goes wrong names the plugin and its place."""

from __future__ import annotations

import logging

from ...plugins.errors import Misconfigured
from ...plugins.plugin import Plugin

log = logging.getLogger("penstock")


def open_plugin(plugin: Plugin) -> None:
    """Open a plugin and the codecs that it has made. An OSError names what could not be opened; any
    other error is a fault of the plugin and says which one.
    """
    try:
        plugin.open()
        for codec in plugin.context.codecs:
            codec.open()
    except (OSError, Misconfigured):
        raise
    except Exception as error:
        log.debug("open of %s raised", plugin.name, exc_info=True)
        where = plugin.context.where
        reason = f"{type(error).__name__}: {error}"
        raise OSError(f"{where}: {plugin.name} could not be opened: {reason}") from error
