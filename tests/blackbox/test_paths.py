"""The table of paths and hosts: one form is judged, and the same one reaches the backend."""

from harness.case import Case
from harness.rows import expand, rows
from harness.wire import head, switching


def request(row):
    return head(
        b"GET " + expand(row["target"]) + b" HTTP/1.1",
        b"Host: " + expand(row["host"]),
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )


class Paths(Case):
    def test_table(self):
        service = self.backend()
        gate = self.start(self.config(service, routes=[self.route("/*")]))
        table = rows("paths.json")
        self.assertGreaterEqual(len(table), 60)
        accepted = 0
        for row in table:
            with self.subTest(row["name"]):
                client = self.client(gate, request(row))
                if row["status"] != 101:
                    self.check_refused(client.read_response(), row["status"])
                    client.expect_end()
                    self.assertEqual(service.connects, accepted)
                    continue
                accepted += 1
                peer = service.next()
                sent = peer.read_head()
                self.assertEqual(sent.target.encode(), expand(row["backend_path"]))
                self.assertEqual(sent.get("Host").encode(), expand(row["backend_host"]))
                peer.send(switching(sent))
                self.assertEqual(client.read_response().status, 101)
                client.close()
                peer.close()

    def test_what_is_routed_is_what_is_forwarded(self):
        """No spelling of a path gets past the route that guards it."""
        service = self.backend()
        office = {"nobody": {"ip_allowlist": {"allow": ["192.0.2.1"]}}}
        gate = self.start(
            self.config(
                service,
                middleware=office,
                routes=[
                    self.route("/admin/*", ["nobody"]),
                    self.route("/admin", ["nobody"]),
                    self.route("/*"),
                ],
            )
        )
        spellings = [
            "/admin/x",
            "/%61dmin/x",
            "/a%64min/x",
            "/x/../admin/x",
            "/./admin/x",
            "//admin/x",
            "/x/%2e%2e/admin/x",
            "/x/.%2E/admin/x",
            "/%2e/admin/x",
            "/x%2F..%2Fadmin/x",
            "/admin%2Fx",
            "/admin%5Cx",
            "/admin\\x",
            "/x/..;a/admin/x",
            "/admin%00/x",
            "http://gate.test/admin/x",
            "http://gate.test//admin/x",
            "http:/admin/x",
            "/admin?/x",
            "/%2561dmin/../admin/x",
            "/admin#/x",
            "/x/..%00/admin/x",
            "/%c0%ae%c0%ae/admin/../x",
            "/admin;a=b/x",
            "/admin;/x",
            "/admin;a;b=c/x;d",
            "/admin%3Ba=b/x",
            "/admin%3b/x",
            "/admin;a=b",
            "/;a/admin/x",
            "/;/admin/x",
            "/;a/%3Bb/admin/x",
        ]
        for target in spellings:
            with self.subTest(target):
                row = {"target": target, "host": "gate.test"}
                client = self.client(gate, request(row))
                self.assertIn(client.read_response().status, (400, 403))
        self.assertEqual(service.connects, 0)

    def test_parameters_that_change_no_route_go_on(self):
        service = self.backend()
        routes = [self.route("/rooms/{room}"), self.route("/a/*")]
        gate = self.start(self.config(service, routes=routes))
        for target in ("/rooms/7;v=2", "/a/b;c/d", "/a/%3Bc", "/a/;c"):
            with self.subTest(target):
                client = self.client(gate, request({"target": target, "host": "gate.test"}))
                peer = service.next()
                sent = peer.read_head()
                self.assertEqual(sent.target, target)
                peer.send(switching(sent))
                self.assertEqual(client.read_response().status, 101)
        for target in ("/rooms;v=2/7", "/a;c/b"):
            with self.subTest(target):
                row = {"target": target, "host": "gate.test"}
                self.assertEqual(gate.ask(request(row)).status, 400)
