import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What Java's threads wait with. Prints what each gave; waits several times in each, so that one of
 * them does wait on a machine as busy as you like.
 */
final class Jvm {
    private static final int ROUNDS = 3;
    private static final long HOLD_MS = 20; // long enough for another thread to begin its wait

    private interface Task {
        void run() throws Exception;
    }

    private static Thread inThread(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception exception) {
                throw new IllegalStateException(exception);
            }
        });
        thread.start();
        return thread;
    }

    private static void trySynchronized() throws Exception {
        Object monitor = new Object();
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch wanted = new CountDownLatch(1);
        Thread holder = inThread(() -> {
            synchronized (monitor) {
                held.countDown();
                wanted.await();
                Thread.sleep(HOLD_MS);
            }
        });
        held.await();
        wanted.countDown();
        synchronized (monitor) {
            System.out.println("synchronized");
        }
        holder.join();
    }

    private static void tryWait() throws Exception {
        Object monitor = new Object();
        boolean[] done = {false};
        Thread notifier = inThread(() -> {
            Thread.sleep(HOLD_MS);
            synchronized (monitor) {
                done[0] = true;
                monitor.notifyAll();
            }
        });
        synchronized (monitor) {
            while (!done[0]) {
                monitor.wait();
            }
            monitor.wait(HOLD_MS);
        }
        notifier.join();
        System.out.println("notified");
    }

    private static void tryPark() throws Exception {
        boolean[] done = {false};
        Object guard = new Object();
        Thread parked = inThread(() -> {
            while (true) {
                synchronized (guard) {
                    if (done[0]) {
                        return;
                    }
                }
                LockSupport.park();
            }
        });
        Thread.sleep(HOLD_MS);
        synchronized (guard) {
            done[0] = true;
        }
        LockSupport.unpark(parked);
        parked.join();
        System.out.println("unparked");
    }

    private static void tryReentrantLock() throws Exception {
        ReentrantLock lock = new ReentrantLock();
        Condition condition = lock.newCondition();
        CountDownLatch held = new CountDownLatch(1);
        Thread holder = inThread(() -> {
            lock.lock();
            try {
                held.countDown();
                Thread.sleep(HOLD_MS);
            } finally {
                lock.unlock();
            }
        });
        held.await();
        lock.lock();
        try {
            System.out.println("locked, signalled in time: "
                    + condition.await(HOLD_MS, TimeUnit.MILLISECONDS));
        } finally {
            lock.unlock();
        }
        holder.join();
    }

    private static void tryQueue() throws Exception {
        BlockingQueue<Integer> queue = new ArrayBlockingQueue<>(2);
        Thread producer = inThread(() -> {
            for (int item = 0; item < 8; item++) {
                Thread.sleep(HOLD_MS / 4);
                queue.put(item);
            }
        });
        int sum = 0;
        for (int i = 0; i < 8; i++) {
            sum += queue.take();
        }
        producer.join();
        System.out.println("queue " + sum);
    }

    private static void trySocket() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread client = inThread(() -> {
                Thread.sleep(HOLD_MS);
                try (Socket socket = new Socket(server.getInetAddress(), server.getLocalPort())) {
                    Thread.sleep(HOLD_MS);
                    socket.getOutputStream().write(42);
                }
            });
            try (Socket socket = server.accept(); InputStream input = socket.getInputStream()) {
                System.out.println("byte " + input.read() + ", then " + input.read());
            }
            client.join();
        }
    }

    private static void tryChild() throws Exception {
        Process child = new ProcessBuilder("sh", "-c", "sleep 0.02; echo child; exit 7").start();
        String output = new String(child.getInputStream().readAllBytes());
        System.out.println(output.trim() + " " + child.waitFor());
    }

    public static void main(String[] arguments) throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            trySynchronized();
            tryWait();
            tryPark();
            tryReentrantLock();
            tryQueue();
            trySocket();
            tryChild();
        }
        System.gc();
        System.exit(3);
    }
}
