#!/usr/bin/env python3
"""At rate 1 and fraction 1 nothing is left to chance: delays, counts and blame agree with the truth.

Allowed: counts, nothing; block, 0.5 % or 20 us a wait, since program and library read their clocks
at slightly different moments; blame, 1 % or 20 us a wait. Further attempts: accuracy.agree().
"""

import accuracy

BLOCK_SHARE = 0.005
OTHER_WAITS = ("wait_cond", "wait_read", "wait_recv", "consumer_enters_cond_wait")


def check_block_paths(check, run):
    """Counts, block delays, blame of single holders, and the balance of the two profiles."""
    run.finish()
    block = run.profile("block")
    mutex = run.profile("mutex")
    for path, [(count, delay_ns)] in run.truth("block").items():
        found = block.path(path)
        check.count(f"block {path} count", found.count, count)
        check.close(
            f"block {path} delay",
            found.delay_ns,
            delay_ns,
            max(BLOCK_SHARE * delay_ns, accuracy.NS_PER_WAIT * count),
        )
    for path, [(count, delay_ns)] in run.truth("mutex").items():
        check.count(f"mutex {path} count", mutex.path(path).count, count)
    accuracy.check_blame(check, run, mutex)
    check_balance(check, run, block, mutex.total_delay_ns())


def check_balance(check, run, block, blamed_ns):
    """All that the mutex profile blames holders for is all that lock waits lasted, but for the time
    from the last unlock to the waiter's return."""
    truths = run.truth("block")
    paths = [path for path in truths if not path.startswith(OTHER_WAITS)]
    waited_ns = sum(block.path(path).delay_ns for path in paths)
    wait_count = sum(truths[path][0][0] for path in paths)
    lock_waits_ns = run.total("lock_waits")
    lock_blame_ns = run.total("lock_blame")
    unblamed_ns = lock_waits_ns - lock_blame_ns
    print(
        f"note  {lock_waits_ns / 1e6:.1f} ms of lock waits, of which {unblamed_ns / 1e6:.2f} ms"
        f" ({unblamed_ns / wait_count / 1e3:.0f} us a wait) are not any holder's:"
        " the time from the last unlock to the waiter's return"
    )
    check.close(
        "sum of lock waits in block less sum of mutex",
        waited_ns - blamed_ns,
        unblamed_ns,
        max(accuracy.BLAME_SHARE * lock_waits_ns, accuracy.NS_PER_WAIT * wait_count),
    )


def check_blame_paths(check, run):
    """Convoys, barging, recursion, readers and writers, conditions."""
    run.finish()
    block = run.profile("block")
    mutex = run.profile("mutex")
    accuracy.check_blame(check, run, mutex)
    check.count("mutex unlock_at_depth delay", mutex.path("unlock_at_depth").delay_ns, 0)
    check_balance(check, run, block, mutex.total_delay_ns())


def main():
    arguments = accuracy.parse_arguments(__doc__)
    accuracy.agree(
        arguments,
        (
            ("accuracy_block_paths", (10, 4_000_000), check_block_paths),
            ("accuracy_blame_paths", (10, 5_000_000), check_blame_paths),
        ),
    )


main()
