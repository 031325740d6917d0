"""The student's server answers, with its extensions and without the internet."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import jupyterhub
import pytest

PORT = 8888
PREFIX = "/user/smoke/"
#: Far above what it takes (see benchmarks), for a machine that is busy.
SECONDS = 40


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of a hub as a single-user server asks for while it starts."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"version": jupyterhub.__version__}).encode()
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", jupyterhub.__version__)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def hub():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hub/api"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def log(hub, tmp_path_factory):
    """Start the server as the spawner does; return its log once it has answered."""
    path = tmp_path_factory.mktemp("server") / "log"
    environment = {
        **os.environ,
        "JUPYTERHUB_API_TOKEN": "smoke",
        "JUPYTERHUB_API_URL": hub,
        "JUPYTERHUB_ACTIVITY_URL": f"{hub}/users/smoke/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-smoke",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers"]',
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{PORT}{PREFIX}",
        "JUPYTERHUB_USER": "smoke",
        "JUPYTERHUB_SERVER_NAME": "",
        "JUPYTERHUB_HOST": "",
    }
    with path.open("wb") as file:
        process = subprocess.Popen(["course-server"], env=environment, stdout=file, stderr=file)
    deadline = time.monotonic() + SECONDS
    try:
        while not answers(f"http://127.0.0.1:{PORT}{PREFIX}api"):
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < deadline, path.read_text()
            time.sleep(0.05)
        yield path
    finally:
        process.kill()
        process.wait()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False


def test_server_answers_as_the_hubs_own(log):
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{PREFIX}api", timeout=5) as response:
        assert json.load(response)["version"]
    assert f"single-user server extension version {jupyterhub.__version__}" in log.read_text()


def test_server_loads_the_extensions_it_needs_and_no_others(log):
    loaded = {
        line.split("] ")[1].split(" | ")[0]
        for line in log.read_text().splitlines()
        if "| extension was successfully loaded" in line
    }
    assert loaded == {"jupyterhub", "jupyterlab", "jupyter_server_terminals", "nbgitpuller"}


def test_server_asks_nobody_about_news_and_packages(log):
    assert "Extension Manager is 'readonly'" in log.read_text()


def test_server_says_nothing_of_deprecated_settings(log):
    assert "deprecated" not in log.read_text()


def test_stranger_gets_no_page(log):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}{PREFIX}api/contents", timeout=5)
    assert refused.value.code == 403
    refused.value.close()


def test_waiting_grammar_still_checks_addresses_when_asked():
    check = """
import importlib.machinery, importlib.util, sys
path = "/opt/course/bin/course-server"
loader = importlib.machinery.SourceFileLoader("course_server", path)
program = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(program)
program.defer_grammar()
import jsonschema
assert "lark" not in sys.modules
iri = {"format": "iri"}
checker = jsonschema.Draft202012Validator(iri, format_checker=jsonschema.FormatChecker())
assert checker.is_valid("https://example.org/ü")
assert not checker.is_valid("not an address")
assert "lark" in sys.modules
import rfc3987_syntax
assert rfc3987_syntax.__file__ and rfc3987_syntax.is_valid_syntax("iri", "urn:a:b")
"""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", check], env=environment, check=True)
