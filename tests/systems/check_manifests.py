#!/usr/bin/env python3
"""The Kubernetes manifests: no privileges anywhere, and parts that fit together.

    check_manifests.py SOURCE
"""
import pathlib
import sys

try:
    import yaml
except ImportError:
    print("skipped: no yaml for Python; it is in python3-yaml")
    sys.exit(77)

breaches = []


def expect(holds, what):
    if not holds:
        breaches.append(what)


def environment(container):
    return {row["name"]: row.get("value") for row in container.get("env", [])}


def mounts(container):
    return {row["mountPath"]: row["name"] for row in container.get("volumeMounts", [])}


def volume_of(container, path):
    """The volume that a path lies in; None if it lies in the image."""
    found = [mount for mount in mounts(container) if path.startswith(mount + "/")]
    return mounts(container)[max(found, key=len)] if found else None


def check_container(name, container):
    name = f"{name}: {container['name']}"
    context = container.get("securityContext", {})
    expect(context.get("allowPrivilegeEscalation") is False, f"{name} may gain privileges")
    expect(context.get("capabilities", {}).get("drop") == ["ALL"], f"{name} has capabilities")
    expect("add" not in context.get("capabilities", {}), f"{name} adds capabilities")
    expect(context.get("readOnlyRootFilesystem") is True, f"{name} can write to its image")
    expect(not context.get("privileged"), f"{name} is privileged")
    expect("runAsUser" not in context, f"{name} is not of the pod's user")
    expect("memory" in container.get("resources", {}).get("limits", {}), f"{name} has no limit")


def check_pod(name, template):
    spec = template["spec"]
    context = spec["securityContext"]
    containers = spec["containers"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    sidecar = next(c for c in containers if c["name"] == "waitprof")
    service = next(c for c in containers if c["name"] != "waitprof")
    installer = spec["initContainers"][0]
    library = environment(service)["LD_PRELOAD"]
    directory = environment(service)["WAITPROF_DIR"]
    ports = {port["name"]: port["containerPort"] for port in sidecar.get("ports", [])}

    expect(context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0, f"{name}: root")
    expect(context.get("seccompProfile", {}).get("type") == "RuntimeDefault", f"{name}: no seccomp")
    for word in ("hostPID", "hostNetwork", "hostIPC"):
        expect(not spec.get(word), f"{name}: {word}")
    for container in containers + spec["initContainers"]:
        check_container(name, container)
        for volume in mounts(container).values():
            expect(volume in volumes, f"{name}: no volume {volume}")
    shared = volume_of(service, directory)
    expect(shared is not None and "emptyDir" in volumes[shared], f"{name}: {directory} is not shared")
    expect(volume_of(service, library) == shared, f"{name}: {library} is not shared")
    expect(environment(sidecar)["WAITPROF_DIR"] == directory, f"{name}: two directories")
    expect(volume_of(sidecar, directory) == shared, f"{name}: the sidecar has another volume")
    # Else the library would find it writable by others, and refuse it.
    expect(directory not in mounts(service), f"{name}: {directory} is a volume's root")
    expect(library in " ".join(installer["command"]), f"{name}: nobody brings {library}")
    expect(volume_of(installer, library) == shared, f"{name}: {library} goes elsewhere")
    if "serve" in sidecar["args"]:
        listen = sidecar["args"][sidecar["args"].index("--listen") + 1]
        expect(listen.endswith(f":{ports['waitprof']}"), f"{name}: no port for {listen}")
        expect("--token-file" in sidecar["args"], f"{name}: serves everybody")
        for probe in ("readinessProbe", "livenessProbe"):
            expect(sidecar[probe]["httpGet"]["path"] == "/healthz", f"{name}: {probe}")
            expect(sidecar[probe]["httpGet"]["port"] in ports, f"{name}: {probe}: no such port")


def main():
    directory = pathlib.Path(sys.argv[1]) / "docs/examples/kubernetes"
    count = 0
    for file in sorted(directory.glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if document["kind"] == "Deployment":
                check_pod(file.name, document["spec"]["template"])
                count += 1
    for breach in breaches:
        print(breach)
    print(f"{count} deployments")
    return 1 if breaches or count == 0 else 0


sys.exit(main())
