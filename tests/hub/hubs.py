# SPDX-License-Identifier: Apache-2.0
"""Hubs for the tests: the stand-in of LUDWIG_SHARED, filled over its own API, and servers that lie."""
import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request


failed, checked = [], []


def check(what, good, note=""):
    checked.append(what)
    if not good:
        failed.append(what)
        print(f"FAILED: {what} {note}", file=sys.stderr)


def finish():
    print(f"{len(checked)} checks, {len(failed)} failed")
    sys.exit(bool(failed))


def call(url, body=None, method=None, token=None, kind="application/json"):
    headers = {"Content-Type": kind, **({"Authorization": "Bearer " + token} if token else {})}
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


class StandIn:
    def __init__(self, script, storage, *options):
        self.process = subprocess.Popen([sys.executable, script, "--port", "0", "--storage", storage, "--max-seconds",
                                         "600", *options], stdout=subprocess.PIPE, text=True)
        self.info = json.loads(self.process.stdout.readline())
        self.endpoint, self.cdn = self.info["endpoint"], self.info["cdn"]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def put(self, repo, files, token, kind="model", large=1 << 20):
        """One commit of {path: bytes}; returns its name."""
        owner, name = repo.split("/")
        prefix = "" if kind == "model" else kind + "s/"
        try:
            call(f"{self.endpoint}/api/repos/create", {"name": name, "organization": owner, "type": kind}, token=token)
        except urllib.error.HTTPError as e:
            if e.code != 409:
                raise
        lines = [{"key": "header", "value": {"summary": "test"}}]
        for path, content in files.items():
            if len(content) < large:
                lines.append({"key": "file", "value": {"path": path, "encoding": "base64",
                                                       "content": base64.b64encode(content).decode()}})
                continue
            oid = hashlib.sha256(content).hexdigest()
            lfs = "application/vnd.git-lfs+json"
            batch = call(f"{self.endpoint}/{prefix}{repo}.git/info/lfs/objects/batch",
                         {"operation": "upload", "transfers": ["basic"], "hash_algo": "sha256",
                          "objects": [{"oid": oid, "size": len(content)}]}, token=token, kind=lfs)
            action = batch["objects"][0].get("actions")
            if action:
                urllib.request.urlopen(urllib.request.Request(action["upload"]["href"], data=content, method="PUT"))
            lines.append({"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, "size": len(content)}})
        body = "\n".join(json.dumps(line) for line in lines).encode()
        return call(f"{self.endpoint}/api/{kind}s/{repo}/commit/main", body, "POST", token,
                    "application/x-ndjson")["commitOid"]

    def settings(self, repo, token, **values):
        call(f"{self.endpoint}/api/models/{repo}/settings", values, "PUT", token)

    def faults(self, *faults):
        call(f"{self.endpoint}/__admin/faults", method="DELETE")
        call(f"{self.endpoint}/__admin/log", method="DELETE")
        if faults:
            call(f"{self.endpoint}/__admin/faults", list(faults), "POST")

    def log(self):
        return call(f"{self.endpoint}/__admin/log")


class Liar:
    """answer(path, headers) -> (status, headers, body). Keeps what was asked, with its headers."""

    def __init__(self, answer, context=None):
        self.seen = seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append((self.path, dict(self.headers)))
                status, headers, body = answer(self.path, self.headers)
                self.send_response(status)
                for key, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.endpoint = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()


def liar_of(files, contents):
    """A hub whose one commit has these tree entries; contents: {path: bytes}."""
    commit = "0123456789abcdef0123456789abcdef01234567"

    def answer(path, headers):
        if "/revision/" in path:
            return 200, {}, json.dumps({"sha": commit}).encode()
        if "/tree/" in path:
            return 200, {}, json.dumps(files).encode()
        name = urllib.request.unquote(path.split("/resolve/" + commit + "/", 1)[-1])
        return (200, {}, contents[name]) if name in contents else (200, {}, b"evil")

    return Liar(answer)


def entry(path, content):
    return {"type": "file", "path": path, "size": len(content),
            "oid": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}


def snapshot(folder):
    return {os.path.join(d, f) for d, _, files in os.walk(folder) for f in files}
