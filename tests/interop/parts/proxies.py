"""HAProxy and nginx of Debian on loopback, with the few lines that one finds in their manuals."""

import os
import subprocess
import time

from harness.ports import Port, listening

from . import prepare
from .program import ProgramError, die_with_parent

START_LIMIT = 10.0

HAPROXY = """
global
    hard-stop-after 1s
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 1h
frontend public
    bind {address}
    option forwardfor
    use_backend page if {{ path_beg /page/ }}
    default_backend service
backend service
    server service {service}
backend page
    server page {page}
"""

NGINX = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {directory};
    proxy_temp_path {directory};
    fastcgi_temp_path {directory};
    uwsgi_temp_path {directory};
    scgi_temp_path {directory};
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen {address} reuseport;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        location / {{
            proxy_pass http://{service};
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
        location /page/ {{
            proxy_pass http://{page};
        }}
    }}
}}
"""

PROXIES = {
    "haproxy": (HAPROXY, lambda file: ("haproxy", "-db", "-f", file)),
    "nginx": (NGINX, lambda file: ("nginx", "-c", file, "-e", "stderr")),
}


class Proxy:
    """Passes everything on to `service`, but /page/ to `page` (both "IP:PORT")."""

    def __init__(self, name, directory, service, page=None):
        text, command = PROXIES[name]
        self.name = name
        self._port = Port()
        self.address, self.text = self._port.address, self._port.text
        self._log = os.path.join(directory, f"{name}.log")
        file = os.path.join(directory, f"{name}.conf")
        with open(file, "w", encoding="ascii") as out:
            values = {"directory": directory, "address": self.text, "service": service}
            out.write(text.format(page=page or service, **values))
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                command(file),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                env=os.environ | {"PATH": prepare.search_path()},
                preexec_fn=die_with_parent,
            )
        try:
            self._await_start()
        except ProgramError:
            self.stop()
            raise

    def _await_start(self):
        deadline = time.monotonic() + START_LIMIT
        while not listening(self._port.number):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ProgramError(f"{self.name} does not listen{self.errors()}")
            time.sleep(0.005)

    def errors(self):
        with open(self._log, encoding="utf-8", errors="replace") as log:
            return f"\n--- log of {self.name}\n{log.read()[-4000:]}"

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._port.close()
