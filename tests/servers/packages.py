"""How each server is installed, and what a test says where it is missing.

``python tests/servers/packages.py`` installs what is missing (apt as root; jars by Maven, modules by
npm, pip and Go for everybody) into a directory that is kept between runs (``PENSTOCK_SERVERS``, by default
below the user's cache), and names what it could not install. Where ``CI`` is
set, a test whose server is missing fails; otherwise it is skipped, with what to do.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Packages(NamedTuple):
    """``programs``: any of these, as a name or a glob of paths, shows that it is installed; ``apt``
    brings it. ``jars``: Maven coordinates, copied with all that they need; one with a type and a classifier
    is an archive, unpacked, which has all that it needs. ``npm``: packages. ``pip``:
    packages, in an environment of their own. ``go``: a directory here with a module that builds a
    program.
    """

    programs: Sequence[str] = ()
    apt: Sequence[str] = ()
    jars: Sequence[str] = ()
    npm: Sequence[str] = ()
    pip: Sequence[str] = ()
    go: str = ""


PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def with_penstock(*extras: str) -> list[str]:
    """What Penstock itself needs, and these extras, for an environment that runs it from here."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(each for extra in extras for each in optional[extra])]
    return [each for each in wanted if not each.startswith("penstock[")]


SERVERS: Mapping[str, Packages] = {
    "beats": Packages(go="beats"),
    "curl": Packages(["curl"], ["curl"]),
    "elasticmq": Packages(jars=["org.elasticmq:elasticmq-server_2.13:1.6.16"]),
    "flink": Packages(
        jars=["org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"],
        pip=with_penstock("flink", "kafka", "ruby"),
    ),
    "flume": Packages(jars=["org.apache.flume:flume-ng-node:1.11.0", "org.slf4j:slf4j-simple:1.7.36"]),
    "kafka": Packages(jars=["org.apache.kafka:kafka_2.13:4.1.2", "org.slf4j:slf4j-simple:1.7.36"]),
    "kafka39": Packages(jars=["org.apache.kafka:kafka_2.13:3.9.2", "org.slf4j:slf4j-simple:1.7.36"]),
    "kinesis": Packages(npm=["kinesalite@3.3.3", "dynalite@4.0.0"]),
    "logrotate": Packages(["logrotate", "/usr/sbin/logrotate"], ["logrotate"]),
    "memcached": Packages(["memcached"], ["memcached"]),
    "mosquitto": Packages(["mosquitto", "/usr/sbin/mosquitto"], ["mosquitto", "mosquitto-clients"]),
    "moto": Packages(pip=["moto[server]==5.2.5"]),
    "nginx": Packages(["nginx", "/usr/sbin/nginx"], ["nginx-light"]),
    "opensearch": Packages(
        jars=[
            "org.opensearch:opensearch:2.19.6",
            "org.opensearch.plugin:transport-netty4-client:2.19.6",
            "org.opensearch.plugin:analysis-common:2.19.6",
            "org.opensearch.plugin:lang-painless:2.19.6",
            "org.apache.logging.log4j:log4j-core:2.25.4",
        ]
    ),
    "otelcol": Packages(go="otelcol"),
    "postgresql": Packages(["initdb", "/usr/lib/postgresql/*/bin/initdb"], ["postgresql"]),
    "rsyslog": Packages(["rsyslogd"], ["rsyslog", "rsyslog-gnutls"]),
    "prometheus": Packages(["promtool"], ["prometheus"]),
    "registry": Packages(jars=["io.apicurio:apicurio-registry-app:2.6.13.Final:tar.gz:all"]),
    "rabbitmq": Packages(["/usr/lib/rabbitmq/bin/rabbitmq-server"], ["rabbitmq-server"]),
    "redis": Packages(["redis-server"], ["redis-server"]),
    "ruby": Packages(["ruby"], ["ruby"]),
    "spark": Packages(
        ["java"],
        ["openjdk-17-jre-headless"],
        pip=[*with_penstock("kafka", "ruby", "spark"), "pyspark==4.2.0", "venv-pack==0.2.0"],
    ),
}


def root() -> Path:
    """Where jars, modules and built programs are kept."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("PENSTOCK_SERVERS", f"{cache}/penstock-test-servers")).expanduser()


def class_path(name: str) -> str:
    """The class path of a server's jars."""
    return str(root() / "jars" / name / "*")


def jars(name: str) -> Path:
    """The directory of a server's jars, or of the archive that it comes as."""
    return root() / "jars" / name


def java(name: str, *options: str, heap: str = "256m") -> list[str]:
    """The start of a command for a JVM with a short life: one compiler tier, a small heap."""
    tuning = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    return ["java", f"-Xmx{heap}", *tuning, *options, "-cp", class_path(name)]


def npm_module(package: str) -> Path:
    """The directory of an npm package."""
    return root() / "npm" / "node_modules" / package


def python(name: str) -> Path:
    """The interpreter of a server that pip brought."""
    return root() / "pip" / name / "bin" / "python"


def built(name: str) -> Path:
    """A program that was built from a Go module here."""
    return root() / "bin" / name


def version(name: str) -> str:
    """A server and which version of it tests start, such as `rabbitmq 3.10.8`."""
    wanted = SERVERS[name]
    pins = [each.partition("==") for each in wanted.pip if "==" in each]
    for package, _, found in pins:
        if name in package:
            return f"{name} {found}"
    if wanted.jars:
        return f"{name} {wanted.jars[0].rpartition(':')[2]}"
    if wanted.npm:
        return ", ".join(package.replace("@", " ") for package in wanted.npm)
    if wanted.go:
        module = (Path(__file__).parent / wanted.go / "go.mod").read_text(encoding="utf-8")
        _, _, required = module.partition("require ")
        return f"{name} ({required.splitlines()[0]})"
    command = ["dpkg-query", "-W", "-f", "${Version}", wanted.apt[0]]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return f"{name} {said.partition(':')[2] or said}".partition("-")[0]


def missing(name: str) -> str:
    """What is missing of a server, and how to get it; an empty text where it is there."""
    wanted = SERVERS[name]
    if wanted.programs and not any(map(_is_there, wanted.programs)):
        return f"{name} is not installed: apt install {' '.join(wanted.apt)}"
    if wanted.jars and _noted(jars(name)) != " ".join(wanted.jars):
        return f"{name} is not installed: run tests/servers/packages.py (needs Maven and a JDK)"
    if any(not npm_module(package.rpartition("@")[0]).exists() for package in wanted.npm):
        return f"{name} is not installed: run tests/servers/packages.py (needs npm)"
    if wanted.pip and _noted(root() / "pip" / name) != " ".join(wanted.pip):
        return f"{name} is not installed: run tests/servers/packages.py"
    if wanted.go and not built(wanted.go).exists():
        return f"{name} is not built: run tests/servers/packages.py (needs Go)"
    return ""


def require(name: str) -> None:
    """Skip the test where the server is missing; in CI, fail."""
    import pytest

    lacking = missing(name)
    if lacking and os.environ.get("CI"):
        pytest.fail(lacking)
    if lacking:
        pytest.skip(lacking)


def install(names: Sequence[str]) -> list[str]:
    """Install what is missing of these servers; what could not be installed, each with a reason."""
    _install_with_apt([name for name in names if SERVERS[name].programs and missing(name)])
    for name in [*names, *names]:  # twice: a mirror may refuse once
        if missing(name):
            _install_for_user(name)
    return [lacking for lacking in map(missing, names) if lacking]


def _is_there(program: str) -> bool:
    if "/" in program:
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program) is not None


def _install_with_apt(names: Sequence[str]) -> None:
    packages = [package for name in names for package in SERVERS[name].apt]
    if not packages or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    _run(["apt-get", "update", "-qq"], env=environment)
    _run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages], env=environment)


def _install_for_user(name: str) -> None:
    wanted = SERVERS[name]
    if wanted.jars and shutil.which("mvn"):
        _fetch_jars(name, wanted.jars)
    if wanted.npm and shutil.which("npm"):
        (root() / "npm").mkdir(parents=True, exist_ok=True)
        _run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(root() / "npm"), *wanted.npm])
    if wanted.pip:
        _fetch_modules(name, wanted.pip)
    if wanted.go and shutil.which("go"):
        (root() / "bin").mkdir(parents=True, exist_ok=True)
        _run(["go", "build", "-o", str(built(wanted.go)), "."], cwd=Path(__file__).parent / wanted.go)


def _noted(directory: Path) -> str:
    note = directory / ".complete"
    return note.read_text() if note.exists() else ""


def _fetch_jars(name: str, coordinates: Sequence[str]) -> None:
    directory = jars(name)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    project = root() / "pom" / name / "pom.xml"
    project.parent.mkdir(parents=True, exist_ok=True)
    project.write_text(_project(name, coordinates))
    goal = "copy" if all(coordinate.count(":") < 3 for coordinate in coordinates) else "unpack"
    command = f"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:{goal}-dependencies"
    if _run(["mvn", "-q", "-B", "-f", str(project), command, f"-DoutputDirectory={directory}"]):
        (directory / ".complete").write_text(" ".join(coordinates))


def _fetch_modules(name: str, packages: Sequence[str]) -> None:
    directory = root() / "pip" / name
    shutil.rmtree(directory, ignore_errors=True)
    install = [str(python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    if _run([sys.executable, "-m", "venv", str(directory)]) and _run(install):
        (directory / ".complete").write_text(" ".join(packages))


_ALONE = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"


def _project(name: str, coordinates: Sequence[str]) -> str:
    names = ("groupId", "artifactId", "version", "type", "classifier")
    wanted = ""
    for coordinate in coordinates:
        parts = zip(names, coordinate.split(":"), strict=False)
        alone = _ALONE if coordinate.count(":") > 2 else ""
        wanted += "<dependency>" + "".join(f"<{name}>{part}</{name}>" for name, part in parts) + f"{alone}</dependency>"
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>test</groupId>'
        f"<artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging><dependencies>{wanted}</dependencies></project>"
    )


def _run(command: Sequence[str], **how: object) -> bool:
    print("$", *command, file=sys.stderr)
    return subprocess.run(command, stdout=sys.stderr, check=False, **how).returncode == 0  # type: ignore[call-overload]


if __name__ == "__main__":
    for sentence in install(sys.argv[1:] or list(SERVERS)):
        print(sentence)
