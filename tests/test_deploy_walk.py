"""The page on deployment, followed word by word in a plain directory that stands for ``/``."""
from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers.packages import require
from servers.process import free_ports

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
FILES = {title: body for _, title, body in BLOCKS if title}
ELSEWHERE = ("systemctl ", "podman ", "kubectl ")
OWN = ("/etc", "/opt", "/var", "/src")
USER, PORT = "nobody", "9600"

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(os.geteuid() != 0, reason="another user can be taken by root only"),
]


class Root:
    """A directory in the place of ``/``, where the user of the service is one that every system has."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (self.port,) = free_ports()
        for name in ("etc", "etc/systemd/system", "etc/logrotate.d", "opt", "var/lib", "var/log", "tmp", "bin"):
            (directory / name).mkdir(parents=True)
        directory.parent.chmod(0o755)

    def here(self, text: str) -> str:
        """A text whose paths lead below the directory."""
        moved = re.sub(rf"(?<![\w./-])({'|'.join(OWN)})(?=/|\b)", lambda m: f"{self.directory}{m[1]}", text)
        return moved.replace(f":{PORT}", f":{self.port}")

    def there(self, text: str) -> str:
        return text.replace(str(self.directory), "")

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.here(text), encoding="utf-8")
        return path

    def run(self, command: str) -> str:
        """What a command of the page prints."""
        given = {**os.environ, "PATH": f"{self.directory}/bin{os.pathsep}{os.environ['PATH']}"}
        given.pop("PYTHONPATH", None)
        done = subprocess.run(["sh", "-c", self.here(command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=given, cwd=self.directory)
        assert done.returncode == 0, f"{command}:\n{done.stdout}"
        return self.there(done.stdout)


def commands() -> Iterator[tuple[str, str]]:
    """Each command of the page, and the output that it shows."""
    for kind, _, body in BLOCKS:
        if kind == "console":
            yield from re.findall(r"^# (.*)\n((?:(?!# ).*\n)*)", body, re.MULTILINE)


@pytest.fixture
def root() -> Iterator[Root]:
    """Where other users may go: the directories of tests are root's own."""
    with tempfile.TemporaryDirectory() as directory:
        yield Root(Path(directory) / "root")


def interpreter() -> str:
    """A Python of this version that other users may run, as one in the home of root is not."""
    name = f"python3.{sys.version_info.minor}"
    for path in filter(None, [os.path.realpath(sys.executable), shutil.which(name), f"/usr/bin/{name}"]):
        real = Path(os.path.realpath(path))
        if real.exists() and all(directory.stat().st_mode & 0o001 for directory in real.parents):
            return str(real)
    pytest.skip(f"no {name} that other users may run")


def installed(root: Root, where: str, source: Path) -> None:
    """The package in an environment of its own: what is built of the sources, beside the libraries of this interpreter."""
    environment = root.directory / where.lstrip("/")
    subprocess.run([interpreter(), "-m", "venv", "--without-pip", str(environment)], check=True)
    (libraries,) = environment.glob("lib/python*/site-packages")
    found = [path for path in sys.path if path.endswith("site-packages")]
    (libraries / "here.pth").write_text("\n".join(found))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--ignore-installed", "--target", str(libraries), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    program = environment / "bin" / "penstock"
    program.write_text(f"#!{environment}/bin/python\nfrom penstock.pipeline.commands.main import main\nmain()\n")
    program.chmod(0o755)


def sources(directory: Path) -> Path:
    """What a checkout has."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    wanted = ("dsl", "filters", "penstock", "pipeline", "plugins", "pyproject.toml", "README.md", "LICENSE")
    for name in filter(None, listed):
        if name.partition("/")[0] in wanted:
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target, follow_symlinks=False)
    return directory


def answers(port: int, path: str) -> bool:
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status == 200)
    except OSError:
        return False


def until(holds: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


class Unit:
    """The service as its unit says, without systemd: the command, the environment, the user, and the socket for its news."""

    def __init__(self, root: Root) -> None:
        text = (root.directory / "etc/systemd/system/penstock.service").read_text()
        said = re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)
        self.one: dict[str, str] = dict(said)
        self.environment = dict(value.split("=", 1) for key, value in said if key == "Environment")
        self.log = root.directory / "tmp" / "log"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(root.directory / "tmp" / "notify"))
        (root.directory / "tmp" / "notify").chmod(0o777)
        self.socket.settimeout(60)

    def start(self) -> subprocess.Popen[bytes]:
        account = pwd.getpwnam(USER)
        environment = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": self.socket.getsockname(), **self.environment}
        environment["WATCHDOG_USEC"] = str(int(self.one["WatchdogSec"]) * 1_000_000)
        return subprocess.Popen(
            shlex.split(self.one["ExecStart"]), env=environment, user=USER, group=account.pw_gid, extra_groups=[],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log.open("wb"), umask=int(self.one["UMask"], 8),
        )


def test_the_page_is_a_session_that_works(root: Root) -> None:
    require("logrotate")
    require("curl")
    group = grp.getgrgid(pwd.getpwnam(USER).pw_gid).gr_name
    service: subprocess.Popen[bytes] | None = None
    for title, text in FILES.items():
        if title.startswith("/"):
            root.write(title, text)
    settings = root.directory / "etc/penstock/penstock.yml"
    settings.write_text(settings.read_text() + f"api.http.port: {root.port}\n")
    orders = root.directory / "var/log/shop/orders.log"
    orders.parent.mkdir()
    orders.write_text('{"shop": "tea"}\n')
    out = root.directory / "var/log/penstock/orders.json"
    unit = Unit(root)
    try:
        for command, output in commands():
            if command.startswith("systemctl enable --now"):
                service = unit.start()
                assert unit.socket.recv(1000) == b"READY=1\nSTATUS=1 pipeline running", unit.log.read_text()
                until(lambda: out.exists() and out.read_text().count("\n") == 1, service, unit.log)
            elif "pip install" in command:
                assert "'penstock[all]'" in command
                installed(root, "/opt/penstock", sources(root.directory / "tmp/src"))
            elif command.startswith("useradd"):
                assert {"--system", "penstock"} <= set(shlex.split(command))
            elif "-m venv" in command or command.startswith(ELSEWHERE):
                continue
            else:
                told = root.run(command.replace("-o penstock -g penstock", f"-o {USER} -g {group}").replace("top --once", f"top http://127.0.0.1:{PORT} --once"))
                assert told == output, command
        assert service is not None
        _goes_on(root, unit, service, orders, out)
    finally:
        if service is not None:
            service.kill()
        unit.socket.close()


def _goes_on(root: Root, unit: Unit, service: subprocess.Popen[bytes], orders: Path, out: Path) -> None:
    """After the rotation, a reload and at the stop."""
    with orders.open("a") as log:
        log.write('{"shop": "silk"}\n')
    until(lambda: out.exists() and "silk" in out.read_text(), service, unit.log)
    assert "tea" in out.with_name("orders.json.1").read_text()
    assert out.stat().st_mode & 0o777 == 0o600
    config = root.directory / "etc/penstock/conf.d/shop.conf"
    config.write_text(config.read_text().replace("filter {", 'filter { mutate { add_field => { "new" => "1" } }'))
    reload = unit.one["ExecReload"].replace("$MAINPID", str(service.pid))
    subprocess.run(shlex.split(reload), check=True)
    until(lambda: b'"new"' in out.read_bytes() or _one_more(orders), service, unit.log)
    os.kill(service.pid, signal.SIGTERM)
    assert service.wait(int(unit.one["TimeoutStopSec"])) == 0


def _one_more(orders: Path) -> bool:
    with orders.open("a") as log:
        log.write('{"shop": "rice"}\n')
    return False


def test_the_steps_of_the_image_work_one_by_one(root: Root) -> None:
    """Each step of the Dockerfile, its paths below a plain directory; then the entry point as the user of the image, who may write two directories only."""
    image: dict[str, Any] = {"env": {}, "user": "root"}
    for line in FILES["Dockerfile"].splitlines():
        word, _, rest = line.partition(" ")
        if word == "RUN":
            _run_step(root, rest)
        elif word == "COPY" and rest == ". /src":
            sources(root.directory / "src")
        elif word == "COPY":
            assert rest == "--from=build /opt/penstock /opt/penstock"
        elif word == "ENV":
            image["env"] |= dict(pair.split("=", 1) for pair in rest.split())
        elif word in ("USER", "VOLUME", "ENTRYPOINT", "CMD"):
            image[word.lower()] = rest
        elif word == "HEALTHCHECK":
            image["check"] = yaml.safe_load(rest.removeprefix("CMD "))
        else:
            assert word in ("", "FROM")
    assert image["user"] == "penstock"
    uid = 1000
    data = root.directory / image["volume"].lstrip("/")
    data.mkdir(parents=True, exist_ok=True)
    os.chown(data, uid, uid)
    (root.directory / "tmp").chmod(0o1777)
    root.write("/etc/penstock/penstock.yml", f"api.enabled: true\napi.http.port: {root.port}\npath.config: /etc/penstock/a.conf\nqueue.type: persisted\n")
    root.write("/etc/penstock/a.conf", "input { heartbeat { interval => 3600 } } output { null { } }")
    command = [root.here(word) for word in yaml.safe_load(image["entrypoint"]) + yaml.safe_load(image["cmd"])]
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(root.directory / "tmp"), "HOME": "/nonexistent", **{key: root.here(value) for key, value in image["env"].items()}}
    log = root.directory / "tmp" / "log"
    before = _written(root.directory, data)
    with subprocess.Popen(command, env=environment, user=uid, group=uid, extra_groups=[], stdin=subprocess.DEVNULL, stderr=log.open("wb")) as process:
        try:
            until(lambda: answers(root.port, "/health/ready"), process, log)
            check = [root.here(word) for word in image["check"]]
            assert subprocess.run(check, env=environment, user=uid, group=uid, extra_groups=[], check=False).returncode == 0
            process.terminate()
            assert process.wait(60) == 0
            assert subprocess.run(check, env=environment, stderr=subprocess.DEVNULL, check=False).returncode != 0
        finally:
            process.kill()
    assert (data / "penstock" / "queue" / "main").is_dir() or (data / "queue" / "main").is_dir()
    assert _written(root.directory, data) == before


def _run_step(root: Root, step: str) -> None:
    if step.startswith("python -m venv"):
        assert step.endswith("/opt/penstock/bin/pip install --no-cache-dir '/src[all]'")
        installed(root, "/opt/penstock", root.directory / "src")
        return
    assert step.startswith("useradd ")
    for name in ("passwd", "group", "shadow", "gshadow", "login.defs"):
        if Path(f"/etc/{name}").exists():
            shutil.copy(f"/etc/{name}", root.directory / "etc" / name)
    for name in ("passwd", "group", "shadow", "gshadow"):
        kept = [line for line in (root.directory / "etc" / name).read_text().splitlines() if ":1000:" not in line]
        (root.directory / "etc" / name).write_text("\n".join(kept) + "\n")
    subprocess.run(["useradd", "--prefix", str(root.directory), *shlex.split(step)[1:]], check=True, capture_output=True)
    assert re.search(r"^penstock:x:1000:", (root.directory / "etc/passwd").read_text(), re.MULTILINE)


def _written(directory: Path, data: Path) -> set[str]:
    """The files that there are, but for the data and ``/tmp``."""
    found = (path for path in directory.rglob("*") if data not in [path, *path.parents] and directory / "tmp" not in path.parents)
    return {str(path) for path in found if path.is_file()}


def test_the_settings_of_the_cluster_run(root: Root, tmp_path: Path) -> None:
    """The ConfigMap as it is mounted, and probes that find the API."""
    (data,) = [body["data"] for body in map(yaml.safe_load, [FILES["settings.yaml"]])]
    for name, text in data.items():
        root.write(f"/etc/penstock/{name}", text)
    (port,) = free_ports()
    config = root.directory / "etc/penstock/shop.conf"
    config.write_text(config.read_text().replace("8080", str(port)))
    settings = root.directory / "etc/penstock/penstock.yml"
    settings.write_text(settings.read_text() + f"api.http.port: {root.port}\n")
    pod = yaml.safe_load(FILES["penstock.yaml"])["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {volume["name"] for volume in container["volumeMounts"]} == {"settings", "data", "tmp"}
    command = [sys.executable, "-m", "penstock", "run", "--path.settings", str(root.directory / "etc/penstock")]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    log = tmp_path / "log"
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log.open("wb")) as process:
        try:
            for probe in ("livenessProbe", "readinessProbe"):
                until(lambda path=container[probe]["httpGet"]["path"]: answers(root.port, path), process, log)
            process.terminate()
            assert process.wait(pod["terminationGracePeriodSeconds"]) == 0
        finally:
            process.kill()


def test_the_network_policy_opens_the_ports_that_are_used() -> None:
    policy, pod = (yaml.safe_load(FILES[name]) for name in ("network-policy.yaml", "penstock.yaml"))
    labels = pod["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"] == labels == pod["spec"]["selector"]["matchLabels"]
    ports = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    assert ports == {8080, 9600}
