"""The real servers that tests talk to.

One module a system says how it is started; a test asks for it by a fixture of its own::

    @pytest.fixture(scope="session")
    def broker() -> Any:
        require("redis")
        return shared("redis", redis.server)

The server is started on a free loopback port, in a directory of its own, by whoever asks first, and
serves the whole run, all workers of pytest-xdist included (``shared``). A test that kills or stops
its server starts one for itself. ``packages`` knows how each server is installed, and what to say
where it is missing; ``proxy`` delays, cuts and hangs connections; ``certificates`` makes them.
"""
