"""nginx in front of another server: it ends TLS, and forwards over connections that it keeps."""
from __future__ import annotations

import shutil
from pathlib import Path

from .process import LOOPBACK, Server, accepts, free_ports

_CONFIG = """
worker_processes 1;
daemon off;
pid {home}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    upstream target {{ server {host}:{target}; keepalive 4; }}
    server {{
        listen {host}:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        client_max_body_size 10m;
        location / {{
            proxy_pass http://target;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""


def proxy(home: Path, target: int, certificate: Path, key: Path) -> Server:
    """nginx with TLS on ``port``, which forwards to the port ``target``."""
    (port,) = free_ports()
    config = home / "nginx.conf"
    config.write_text(_CONFIG.format(home=home, host=LOOPBACK, port=port, target=target, certificate=certificate, key=key))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return Server([program, "-p", home, "-c", config], accepts(port), home, port=port)
