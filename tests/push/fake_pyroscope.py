"""A server that takes profiles as Pyroscope does, for tests: strict about what it is sent, and as
unhelpful as it is told to be.

What a request means is worked out as Pyroscope's /ingest does: with format=pprof the body is the
profile itself, else a multipart form has it, and sample_type_config says what the samples are.
"""

import email.parser
import email.policy
import http.server
import json
import socket
import ssl
import struct
import threading
import time
import urllib.parse

import pprof_message

LABEL_CHARACTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")
SERVICE_CHARACTERS = LABEL_CHARACTERS | set("-/")


class Wrong(Exception):
    """A request that Pyroscope would refuse."""


def parse_series(text):
    """SERVICE{LABEL=VALUE,...} as (service, labels)."""
    service, _, rest = (text + "{").partition("{")
    service = service.strip()
    if not service or not set(service) <= SERVICE_CHARACTERS:
        raise Wrong(f"invalid service name {service!r}")
    labels = {}
    key = value = ""
    in_value = False
    for character in rest:
        if in_value and character in ",}":
            name = key.strip()
            if not name or not set(name) <= LABEL_CHARACTERS or name == "__name__":
                raise Wrong(f"invalid label name {name!r}")
            if name in labels:
                raise Wrong(f"the label {name} is there twice")
            labels[name] = value.strip()
            key = ""
            in_value = False
            if character == "}":
                break
        elif in_value:
            value += character
        elif character == "}":
            break
        elif character == "=":
            in_value, value = True, ""
        else:
            key += character
    return service, labels


def parse_form(content_type, body):
    """The parts of a multipart form by name."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    if not message.is_multipart() or message.defects:
        raise Wrong(f"not a multipart form: {message.defects}")
    parts = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="Content-Disposition")
        if part.get_content_disposition() != "form-data" or name in parts:
            raise Wrong(f"an odd part {name!r}")
        parts[name] = part.get_payload(decode=True)
    return parts


class Profile:
    """What was received: one profile, as Pyroscope would file it."""

    def __init__(self, query, headers, body):
        self.query = dict(query)
        if len(self.query) != len(query):
            raise Wrong("a parameter is there twice")
        self.service, self.labels = parse_series(self.query.get("name", ""))
        self.from_ns, self.until_ns = (self.read_time(key) for key in ("from", "until"))
        self.headers = headers
        if self.query.get("format") == "pprof":
            parts = {"profile": body}
        else:
            parts = parse_form(headers.get("Content-Type", ""), body)
        if "prev_profile" in parts:
            raise Wrong("unsupported client version")
        if set(parts) != {"profile", "sample_type_config"}:
            raise Wrong(f"parts {sorted(parts)}")
        self.config = json.loads(parts["sample_type_config"])
        self.raw = parts["profile"]
        self.read_profile()
        self.metric = self.file_as()

    def read_time(self, key):
        """Nineteen digits are nanoseconds; with others the unit would be another."""
        text = self.query.get(key, "")
        if not text.isdigit() or len(text) != 19:
            raise Wrong(f"{key}={text!r} is not in nanoseconds")
        return int(text)

    def read_profile(self):
        self.pprof = pprof_message.Profile.of_body(self.raw)
        if self.pprof.sample_types != ["contentions/count", "delay/nanoseconds"]:
            raise Wrong(f"sample types {self.pprof.sample_types}")
        if self.pprof.period_types != ["contentions/count"]:
            raise Wrong(f"period types {self.pprof.period_types}")
        if not self.pprof.samples:
            raise Wrong("an empty profile")
        if not self.from_ns < self.until_ns == self.pprof.time_nanos:
            raise Wrong("the times of the query are not those of the profile")

    def file_as(self):
        """The metric's name, from the first sample type that tells one."""
        for sample_type in self.pprof.sample_types:
            kind = sample_type.split("/")[0]
            name = self.config.get(kind, {}).get("display-name") or kind
            for word, metric in (("mutex_", "mutex"), ("block_", "block")):
                if word in name:
                    return metric
        raise Wrong("filed under no metric")

    def identity(self):
        return self.service, self.metric, self.from_ns, self.until_ns, self.labels.get("pid")

    def totals(self):
        """Contentions and delay of all samples."""
        return tuple(sum(sample.values[i] for sample in self.pprof.samples) for i in (0, 1))


class Behaviour:
    """How to answer: a status, or what goes wrong instead."""

    def __init__(self, status=200, text="", headers=None, delay=0.0, fault=None):
        self.status, self.text, self.headers = status, text, headers or {}
        self.delay = delay
        # None; "reset": when some of the request has come; "silence": all of it is read, then the
        # connection is closed; "hang": all is read, and nothing more happens; "cut": an answer that
        # breaks off in its body; "cut status": in its first line
        self.fault = fault


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        fake = self.server.fake
        shown = self.headers.get("Authorization")
        accepted = fake.authorization
        if shown not in (accepted if isinstance(accepted, tuple) else (accepted,)):
            behaviour = Behaviour(401, f"no: {shown}")
        else:
            behaviour = fake.next_behaviour()
        if behaviour.fault == "reset":
            self.rfile.read(1)
            self.reset()
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(behaviour.delay)
        if behaviour.fault is None:
            # Whoever stops the server does not come in between.
            with fake.answering:
                if not fake.stopping.is_set():
                    fake.note(self, body, behaviour)
                    self.answer(behaviour)
            return
        fake.note(self, body, behaviour)
        if behaviour.fault == "silence":
            self.close_connection = True
        elif behaviour.fault == "hang":
            fake.stopping.wait(60)
            self.close_connection = True
        elif behaviour.fault == "cut status":
            self.wfile.write(b"HTTP/1.1 20")
            self.close_connection = True
        elif behaviour.fault == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome of it")
            self.close_connection = True

    def reset(self):
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def answer(self, behaviour):
        text = behaviour.text.encode(errors="surrogateescape")
        self.send_response(behaviour.status)
        for name, value in behaviour.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # clients that go away are part of the tests

    def process_request(self, request, client_address):
        self.fake.connections.append(request)
        super().process_request(request, client_address)


class FakePyroscope:
    """Profiles that were accepted are in `profiles`, those of which the client got no answer in
    `unanswered`, what it would have refused in `wrong`."""

    def __init__(self, certificate=None, authorization=None):
        self.certificate = certificate
        self.authorization = authorization  # what clients must show: a header, or one of a tuple
        self.profiles, self.unanswered, self.wrong, self.requests = [], [], [], []
        self.behaviours = []
        self.default = Behaviour()
        self.lock = threading.Lock()
        self.answering = threading.Lock()
        self.port = 0
        self.server = None

    def start(self):
        self.stopping = threading.Event()
        self.connections = []
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.fake = self
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def stop(self):
        """As when it is killed: open connections are reset."""
        with self.answering:
            self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    @property
    def url(self):
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://localhost:{self.port}" if self.certificate else (
            f"{scheme}://127.0.0.1:{self.port}")

    def next_behaviour(self):
        with self.lock:
            return self.behaviours.pop(0) if self.behaviours else self.default

    def note(self, handler, body, behaviour):
        """Files a request that came whole."""
        url = urllib.parse.urlsplit(handler.path)
        query = urllib.parse.parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)
        with self.lock:
            self.requests.append((time.monotonic(), handler.path, dict(handler.headers)))
            try:
                if url.path != "/ingest":
                    raise Wrong(f"path {url.path}")
                profile = Profile(query, handler.headers, body)
            except (Wrong, ValueError, KeyError, pprof_message.Malformed) as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
                return
            if behaviour.status < 300 and behaviour.fault in (None, "cut"):
                self.profiles.append(profile)
            elif behaviour.fault is not None:
                self.unanswered.append(profile)
