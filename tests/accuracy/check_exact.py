#!/usr/bin/env python3
"""At rate 1 and fraction 1 nothing is left to chance: delays, counts and blame agree with the
truth.

Allowed: counts, nothing; block, 0.5 % or 20 us a wait, since program and library read their clocks
at slightly different moments; blame, 1 % or 20 us a wait. Further attempts: accuracy.agree().
"""

import accuracy

BLOCK_SHARE = 0.005
ROUNDS, HOLD_NS = 5, 10_000_000
REACQUIRE_ROUNDS, REACQUIRE_TICK_NS = 2, 50_000_000
BROADCAST_WAITERS, BROADCAST_TICKS = 3, 10


def function_totals(run):
    """{function: [count, delay]} over all kinds that the truth has of it."""
    totals = {}
    for path, [(count, delay_ns)] in run.truth("block").items():
        total = totals.setdefault(path.partition(":")[0], [0, 0.0])
        total[0] += count
        total[1] += delay_ns
    return totals


def check_delays(check, run, block):
    """Each path's delay, and that of all its function's kinds. A call of two kinds ends for the
    program when both have been recorded: its parts are allowed what the whole is."""
    totals = function_totals(run)
    truths = {path: delay_ns for path, [(_, delay_ns)] in run.truth("block").items()}
    truths.update({function: delay_ns for function, (_, delay_ns) in totals.items()})
    for path, delay_ns in truths.items():
        count, whole_ns = totals[path.partition(":")[0]]
        check.close(
            f"block {path} delay",
            block.path(path).delay_ns,
            delay_ns,
            max(BLOCK_SHARE * whole_ns, accuracy.NS_PER_WAIT * count),
        )


def check_counts(check, run, block, but_for=()):
    """Each path's count, and nothing of another kind on its function."""
    for path, [(count, _)] in run.truth("block").items():
        if path not in but_for:
            check.count(f"block {path} count", block.path(path).count, count)
            function = path.partition(":")[0]
            check.count(
                f"block {function} count of all kinds",
                block.path(function).count,
                function_totals(run)[function][0],
            )


def check_mutex(check, run, block):
    """Blame, and the balance of the two profiles. Returns the mutex profile."""
    mutex = run.profile("mutex")
    accuracy.check_blame(check, run, mutex)
    check_balance(check, run, block, mutex.total_delay_ns())
    return mutex


def check_balance(check, run, block, blamed_ns):
    """All that the mutex profile blames holders for is all that lock waits lasted, but for the time
    from the last unlock to the waiter's return."""
    truths = run.truth("lock")
    waited_ns = sum(block.path(path).delay_ns for path in truths)
    wait_count = sum(count for [(count, _)] in truths.values())
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


def check_block_paths(check, run):
    """Counts, block delays, blame of single holders."""
    run.finish()
    block = run.profile("block")
    check_counts(check, run, block)
    check_delays(check, run, block)
    mutex = check_mutex(check, run, block)
    for path, [(count, _)] in run.truth("mutex").items():
        check.count(f"mutex {path} count", mutex.path(path).count, count)


def check_sync_paths(check, run):
    """The same for waits that have no holder, but for one lock; who comes last does not wait."""
    check_block_paths(check, run)
    found = run.profile("block").path("come_last")
    check.count("block come_last count", found.count, 0)


def check_paths(check, run):
    """Counts and block delays."""
    run.finish()
    block = run.profile("block")
    check_counts(check, run, block)
    check_delays(check, run, block)


def check_process_paths(check, run):
    """The same; a disk may be so quick that its calls do not count as waits."""
    run.finish()
    block = run.profile("block")
    truths = run.truth("block")
    disk = {path: count for path, [(count, _)] in truths.items() if path.endswith(":disk")}
    check_counts(check, run, block, but_for=disk)
    check_delays(check, run, block)
    for path, count in disk.items():
        found = block.path(path)
        check.that(found.count <= count, f"{path} count: {found.count:.0f} of {count:.0f}")


def check_blame_paths(check, run):
    """Convoys, barging, recursion, readers and writers."""
    run.finish()
    block = run.profile("block")
    check_delays(check, run, block)
    mutex = check_mutex(check, run, block)
    check.count("mutex unlock_at_depth delay", mutex.path("unlock_at_depth").delay_ns, 0)


def check_reacquire_paths(check, run):
    """Who was signalled waits for the mutex: who keeps it is to blame."""
    run.finish()
    block = run.profile("block")
    check_delays(check, run, block)
    mutex = check_mutex(check, run, block)
    # The least that the timetable gives: no machine is too busy for it.
    least_ns = BROADCAST_WAITERS * BROADCAST_TICKS * REACQUIRE_TICK_NS * REACQUIRE_ROUNDS
    for path in ("broadcaster_unlocks", "c11_broadcaster_unlocks"):
        found = mutex.path(path)
        check.count(f"mutex {path} count", found.count, BROADCAST_WAITERS * REACQUIRE_ROUNDS)
        check.that(
            found.delay_ns >= least_ns * (1 - accuracy.BLAME_SHARE),
            f"mutex {path} delay: {found.delay_ns}, {BROADCAST_WAITERS} waiters for"
            f" {BROADCAST_TICKS * REACQUIRE_TICK_NS / 1e9} s, {REACQUIRE_ROUNDS} times",
        )


def check_futex_paths(check, run):
    """A lock that a program makes of futexes has holders to blame; other futexes have none."""
    run.finish()
    block = run.profile("block")
    check_delays(check, run, block)
    mutex = check_mutex(check, run, block)
    for path in ("set_event", "post_semaphore", "count_down_latch"):
        check.count(f"mutex {path} count", mutex.path(path).count, 0)
        check.count(f"mutex {path} delay", mutex.path(path).delay_ns, 0)


def main():
    arguments = accuracy.parse_arguments(__doc__)
    accuracy.agree(
        arguments,
        (
            ("accuracy_block_paths", (ROUNDS, HOLD_NS), check_block_paths),
            ("accuracy_sync_paths", (ROUNDS, HOLD_NS), check_sync_paths),
            ("accuracy_io_paths", (ROUNDS, HOLD_NS), check_paths),
            ("accuracy_net_paths", (ROUNDS, HOLD_NS), check_paths),
            ("accuracy_poll_paths", (ROUNDS, HOLD_NS), check_paths),
            ("accuracy_process_paths", (ROUNDS, HOLD_NS), check_process_paths),
            ("accuracy_ipc_paths", (ROUNDS, HOLD_NS), check_paths),
            ("accuracy_blame_paths", (10, 5_000_000), check_blame_paths),
            (
                "accuracy_reacquire_paths",
                (REACQUIRE_ROUNDS, REACQUIRE_TICK_NS),
                check_reacquire_paths,
            ),
            ("accuracy_futex_paths", (10, 5_000_000), check_futex_paths),
        ),
    )


main()
