"""HAProxy and nginx of Debian on loopback, with the few lines that one finds in their manuals."""

import os
import socket
import subprocess
import time

from harness import secure
from harness.ports import Port

from . import prepare
from .program import ProgramError, die_with_parent

START_LIMIT = 30.0

HAPROXY = """
global
    hard-stop-after 1s
    log stdout format raw local0
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    log global
    log-format "HTTP/%[fc_http_major] %HM %HPO %ST"
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 1h
frontend public
    bind {bind}
    option forwardfor
    use_backend page if {{ path_beg /page/ }}
    default_backend service
backend service
    server service {service}
backend page
    server page {page}
"""

# It tells whose connection it passes on; checks come without anybody.
HAPROXY_TCP = """
global
    hard-stop-after 1s
    log stdout format raw local0
defaults
    mode tcp
    log global
    option log-health-checks
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen public
    bind {{bind}}
    server service {{service}} {send} source {near} check inter 100ms
"""

# It is told, and tells the backend.
HAPROXY_TOLD = """
global
    hard-stop-after 1s
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 1h
listen public
    bind {bind} accept-proxy
    http-request set-header X-Told %[src]:%[src_port]-%[dst]:%[dst_port]
    server service {service}
"""
HAPROXY_FROM = "127.0.0.9"  # where the former comes from

# Where it keeps what does not fit into memory.
NGINX_SCRATCH = """\
    client_body_temp_path {directory};
    proxy_temp_path {directory};
    fastcgi_temp_path {directory};
    uwsgi_temp_path {directory};
    scgi_temp_path {directory};
"""

NGINX = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
""" + NGINX_SCRATCH + """\
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen {bind};
        proxy_http_version 1.1;
        location / {{
            proxy_pass http://{service};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
        location /page/ {{
            proxy_pass http://{page};
        }}
    }}
}}
"""

# It decides for forward_auth: each location in a way that nginx has.
NGINX_AUTHORISER = """
daemon off;
master_process off;
pid {directory}/authoriser.pid;
error_log stderr;
events {{ }}
http {{
    log_format asked '$request_uri $status $request_method $http_x_forwarded_uri $connection';
    access_log {directory}/asked asked;
""" + NGINX_SCRATCH + """\
    default_type text/plain;
    server {{
        listen {bind};
        location = /yes {{
            add_header X-Auth-User alice;
            add_header X-Auth-Role reader;
            add_header X-Auth-Role writer;
            return 204;
        }}
        location = /cookie {{
            if ($cookie_session != good) {{ return 401 "log in\n"; }}
            return 204;
        }}
        location = /basic {{
            auth_basic there;
            auth_basic_user_file {directory}/htpasswd;
            add_header X-Auth-User $remote_user;
            alias {directory}/page;
        }}
        location = /no {{ return 403 "not you\n"; }}
        location = /moved {{ return 302 http://{address}/yes; }}
        location = /broken {{ return 500; }}
        location = /closed {{ return 444; }}
        location = /large {{ alias {directory}/large; }}
        location = /large-no {{ deny all; error_page 403 /large; }}
        location = /slow {{ limit_rate 1; limit_rate_after 400; alias {directory}/page; }}
        location = /slow-no {{ deny all; error_page 403 /slow; }}
        location = /few {{ keepalive_requests 3; return 204; }}
        location = /brief {{ keepalive_timeout 10ms; return 204; }}
    }}
}}
"""


def haproxy(text):
    return text, "{address}", "{address} ssl crt {certificate}", lambda file: ("haproxy", "-db", "-f", file)


def nginx(text):
    return (
        text,
        "{address} reuseport",
        "{address} reuseport ssl http2; ssl_certificate {certificate}; "
        "ssl_certificate_key {certificate}",
        lambda file: ("nginx", "-c", file, "-e", "stderr"),
    )


# By name: the configuration, what it binds with and without TLS, the command.
PROXIES = {
    "haproxy": (
        HAPROXY,
        "{address}",
        "{address} ssl crt {certificate} alpn h2,http/1.1",
        lambda file: ("haproxy", "-db", "-f", file),
    ),
    "haproxy send-proxy": haproxy(HAPROXY_TCP.format(send="send-proxy", near=HAPROXY_FROM)),
    "haproxy send-proxy-v2": haproxy(
        HAPROXY_TCP.format(
            send="send-proxy-v2 proxy-v2-options ssl,unique-id,crc32c", near=HAPROXY_FROM
        )
    ),
    "haproxy accept-proxy": haproxy(HAPROXY_TOLD),
    "nginx": nginx(NGINX),
    "nginx authoriser": nginx(NGINX_AUTHORISER),
}


def certificate(directory):
    """The run's for 127.0.0.1, which browsers believe, and its key in the same file."""
    path = os.path.join(directory, "certificate.pem")
    with open(path, "wb") as made:
        for part in secure.authority().files("good").values():
            with open(part, "rb") as file:
                made.write(file.read())
    return path


class Proxy:
    """
    Passes everything on to `service`, but /page/ to `page` (both "IP:PORT"). `port` was reserved by
    the caller, which needs to know it before; it is closed here.
    """

    def __init__(self, name, directory, service, page=None, tls=False, port=None):
        text, plain, secure, command = PROXIES[name]
        self.name, self.tls = name, tls
        self._port = port or Port()
        self.address, self.text = self._port.address, self._port.text
        self._log = os.path.join(directory, f"{name}.log")
        values = {"directory": directory, "address": self.text, "service": service}
        values["page"] = page or service
        values["certificate"] = certificate(directory) if tls else ""
        values["bind"] = (secure if tls else plain).format(**values)
        file = os.path.join(directory, f"{name.replace(' ', '-')}.conf")
        with open(file, "w", encoding="ascii") as out:
            out.write(text.format(**values))
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

    def _listens(self):
        """The port is ours, but refuses everybody until the proxy listens there too."""
        try:
            socket.create_connection(self.address, START_LIMIT).close()
            return True
        except ConnectionRefusedError:
            return False

    def _await_start(self):
        deadline = time.monotonic() + START_LIMIT
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ProgramError(f"{self.name} does not listen{self.errors()}")
            time.sleep(0.005)

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def await_log(self, text):
        deadline = time.monotonic() + START_LIMIT
        while text not in self.log():
            if time.monotonic() > deadline:
                raise ProgramError(f"{self.name} did not say {text!r}{self.errors()}")
            time.sleep(0.01)

    def errors(self):
        return f"\n--- log of {self.name}\n{self.log()[-4000:]}"

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._port.close()
