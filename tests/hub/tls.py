#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program against the stand-in behind stunnel: what is wrong with TLS ends in one clear error, before any request.
usage: tls.py LUDWIG SOURCE_DIR (exit 77: no stunnel, no openssl, or no stand-in in LUDWIG_SHARED or ../shared)"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import hubs
from hubs import check

ludwig, source = map(os.path.abspath, sys.argv[1:])
script = os.environ.get("LUDWIG_SHARED", source + "/../shared") + "/tools/hub_server.py"
stunnel = shutil.which("stunnel4") or shutil.which("stunnel")
if not stunnel or not shutil.which("openssl") or not os.path.exists(script):
    print("no stunnel, openssl or stand-in: skipped")
    sys.exit(77)
tmp = tempfile.mkdtemp(prefix="ludwig-tls-")
TOKEN = "hf_SENTINEL"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, cwd=tmp, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def certificate(name, address, days="2", signer=None):
    """NAME.pem with key and certificate; signer: the authority, else signed by itself."""
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
    with open(f"{tmp}/{name}.ext", "w") as f:
        f.write(f"subjectAltName={address}\n")
    by = ("-CA", signer + ".crt", "-CAkey", signer + ".key", "-CAcreateserial") if signer else ("-signkey", name + ".key")
    openssl("x509", "-req", "-in", name + ".csr", "-out", name + ".crt", "-days", days, "-extfile", name + ".ext", *by)
    with open(f"{tmp}/{name}.pem", "w") as f:
        f.write(open(f"{tmp}/{name}.key").read() + open(f"{tmp}/{name}.crt").read())
    return name


class Tunnel:
    def __init__(self, to, name, *options):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        with open(f"{tmp}/{self.port}.conf", "w") as f:
            f.write("\n".join(["foreground = yes", "pid =", "[hub]", f"accept = 127.0.0.1:{self.port}",
                               "connect = " + to.split("//")[1], f"cert = {tmp}/{name}.pem", *options]) + "\n")
        self.process = subprocess.Popen([stunnel, f"{tmp}/{self.port}.conf"], stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.05)
        self.endpoint = f"https://127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def download(endpoint, repo="alice/m", home=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SSL_CERT", "CURL_CA", "REQUESTS_CA"))}
    env.update(HF_ENDPOINT=endpoint, HF_HOME=home or tempfile.mkdtemp(dir=tmp), HF_TOKEN=TOKEN, SSL_CERT_FILE=tmp + "/root.crt",
               HF_HUB_ETAG_TIMEOUT="5", HF_HUB_DOWNLOAD_TIMEOUT="5")
    r = subprocess.run([ludwig, "download", repo], env=env, text=True, timeout=60, capture_output=True)
    check("no token in what is printed", TOKEN not in r.stdout + r.stderr)
    return r


def test_refused(hub, name, word, *options, endpoint=None):
    hub.faults()
    tunnel = Tunnel(hub.endpoint, name, *options)
    r = download(endpoint.format(tunnel.port) if endpoint else tunnel.endpoint)
    check(name + ": refused", r.returncode == 7 and r.stderr.startswith("error:") and r.stderr.count("\n") == 1 and word in r.stderr, r.stderr)
    check(name + ": nothing was asked", not hub.log(), hub.log())
    tunnel.stop()


def test_good(hub, *options):
    hub.faults()
    tunnel = Tunnel(hub.endpoint, "good", *options)
    home = tempfile.mkdtemp(dir=tmp)
    r = download(tunnel.endpoint, home=home)
    check(f"good {options}", r.returncode == 0 and os.path.exists(r.stdout.strip() + "/model.safetensors"), r.stderr)
    check("with the token", hub.log() and all(e["auth"] for e in hub.log()))
    r = download(tunnel.endpoint, "alice/large")
    check("no way from https to http", r.returncode == 7 and "from https" in r.stderr, r.stderr)
    tunnel.stop()
    return home


def test_cached(hub, home):
    """A hub that cannot be trusted is no reason to take what was fetched before in silence."""
    tunnel = Tunnel(hub.endpoint, "expired")
    r = download(tunnel.endpoint, home=home)
    check("cached, then not trusted", r.returncode == 7 and "expired" in r.stderr, r.stderr)
    tunnel.stop()


def main():
    hub = hubs.StandIn(script, tmp + "/store", "--token", TOKEN + ":alice:write")
    try:
        hub.put("alice/m", {"config.json": b"{}", "model.safetensors": b"x"}, TOKEN)
        hub.put("alice/large", {"config.json": b"{}", "model.safetensors": b"x" * 2_000_000}, TOKEN)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.crt", "-days", "2", "-subj",
                "/CN=root", "-addext", "basicConstraints=critical,CA:TRUE")
        certificate("good", "IP:127.0.0.1", signer="root")
        certificate("expired", "IP:127.0.0.1", "-1", signer="root")
        certificate("self-signed", "IP:127.0.0.1")
        certificate("other-name", "DNS:hub.example", signer="root")
        certificate("other-address", "IP:127.0.0.2", signer="root")
        home = test_good(hub)
        test_good(hub, "sslVersionMax = TLSv1.2")
        test_refused(hub, "expired", "expired")
        test_refused(hub, "self-signed", "certificate")
        test_refused(hub, "other-name", "127.0.0.1")
        test_refused(hub, "other-address", "127.0.0.1")
        test_refused(hub, "other-address", "localhost", endpoint="https://localhost:{}")
        for version in ("TLSv1", "TLSv1.1"):
            test_refused(hub, "good", "TLS 1.2", "sslVersionMin = TLSv1", "sslVersionMax = " + version, "ciphers = ALL:@SECLEVEL=0")
        test_cached(hub, home)
    finally:
        hub.stop()
    shutil.rmtree(tmp)
    hubs.finish()


main()
