"""What CPython's threads wait with. Prints what each gave; waits several times in each, so that one
of them does wait on a machine as busy as you like.
"""

import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time

ROUNDS = 3
HOLD_S = 0.02  # long enough for another thread to begin its wait


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def try_lock():
    lock = threading.Lock()
    held = threading.Event()
    wanted = threading.Event()

    def hold():
        with lock:
            held.set()
            wanted.wait()
            time.sleep(HOLD_S)

    holder = in_thread(hold)
    held.wait()
    wanted.set()
    with lock:
        print("lock")
    holder.join()
    with lock:
        print("again, in time:", lock.acquire(timeout=HOLD_S))


def try_condition():
    condition = threading.Condition()
    done = []

    def signal():
        time.sleep(HOLD_S)
        with condition:
            done.append(1)
            condition.notify_all()

    signaller = in_thread(signal)
    with condition:
        print("condition", condition.wait_for(lambda: done))
        print("in time:", condition.wait(timeout=HOLD_S))
    signaller.join()


def try_semaphore():
    semaphore = threading.Semaphore(0)
    releaser = threading.Timer(HOLD_S, semaphore.release)
    releaser.start()
    print("semaphore", semaphore.acquire(), semaphore.acquire(timeout=HOLD_S))
    releaser.join()


def try_queue():
    items = queue.Queue(maxsize=2)

    def produce():
        for item in range(8):
            time.sleep(HOLD_S / 4)
            items.put(item)
        items.put(None)

    producer = in_thread(produce)
    print("queue", list(iter(items.get, None)))
    producer.join()


def try_global_lock():
    """Two threads that compute want the interpreter's lock from each other."""

    def compute(sums):
        sums.append(sum(n * n for n in range(200000)))

    sums = []
    threads = [in_thread(lambda: compute(sums)) for _ in range(2)]
    for thread in threads:
        thread.join()
    print("sums", sums)


def try_input():
    reader, writer = os.pipe()
    left, right = socket.socketpair()
    threads = [
        threading.Timer(HOLD_S, os.write, (writer, b"pipe")),
        threading.Timer(2 * HOLD_S, right.send, (b"socket",)),
    ]
    for thread in threads:
        thread.start()
    print(os.read(reader, 10).decode(), left.recv(10).decode())
    print("ready", select.select([reader], [], [], HOLD_S)[0])
    for thread in threads:
        thread.join()
    for descriptor in (reader, writer, left.detach(), right.detach()):
        os.close(descriptor)


def try_child():
    result = subprocess.run(
        ["sh", "-c", "sleep 0.02; echo child; exit 7"], stdout=subprocess.PIPE, check=False
    )
    print(result.stdout.decode().strip(), result.returncode)
    print("status", os.waitstatus_to_exitcode(os.system("sleep 0.02; exit 5")))


for _ in range(ROUNDS):
    try_lock()
    try_condition()
    try_semaphore()
    try_queue()
    try_global_lock()
    try_input()
    try_child()
sys.exit(3)
