// What Rust's standard library waits with, each in a function of its own. Prints what each gave;
// waits several times in each, so that one of them does wait on a machine as busy as you like.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{exit, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::thread;
use std::time::Duration;

const ROUNDS: usize = 4;

// Long enough for another thread to begin its wait.
fn hold() {
    thread::sleep(Duration::from_millis(20));
}

// What happens between two threads: one holds, or will release; the other is about to wait.
#[derive(Default)]
struct Scene {
    begun: AtomicBool,
    waiting: AtomicBool,
}

impl Scene {
    fn hold_until_waited_for(&self) {
        self.begun.store(true, Ordering::Release);
        spin_until(&self.waiting);
        hold();
    }

    fn about_to_wait(&self) {
        spin_until(&self.begun);
        self.waiting.store(true, Ordering::Release);
    }
}

#[inline(never)]
fn keep_mutex(mutex: &Mutex<u64>, scene: &Scene) {
    let mut value = mutex.lock().unwrap();
    scene.hold_until_waited_for();
    *value += 1;
    drop(value);
    scene.begun.store(true, Ordering::Release); // after the unlock, so that it is no tail call
}

#[inline(never)]
fn wait_for_mutex(mutex: &Mutex<u64>) {
    *mutex.lock().unwrap() += 10;
}

#[inline(never)]
fn wait_for_condition(pair: &(Mutex<bool>, Condvar)) -> bool {
    let mut done = pair.0.lock().unwrap();
    while !*done {
        done = pair.1.wait(done).unwrap();
    }
    *done
}

#[inline(never)]
fn wait_to_read(lock: &RwLock<u64>) -> u64 {
    *lock.read().unwrap()
}

#[inline(never)]
fn wait_to_write(lock: &RwLock<u64>) {
    *lock.write().unwrap() += 1;
}

#[inline(never)]
fn wait_for_message(receiver: &Receiver<u64>) -> u64 {
    receiver.recv().unwrap()
}

#[inline(never)]
fn wait_for_unpark(unparked: &AtomicBool) {
    while !unparked.load(Ordering::Acquire) {
        thread::park();
    }
}

#[inline(never)]
fn wait_for_join(handle: thread::JoinHandle<u64>) -> u64 {
    handle.join().unwrap()
}

#[inline(never)]
fn wait_for_bytes(stream: &mut TcpStream) -> u8 {
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    byte[0]
}

#[inline(never)]
fn wait_for_child() -> Option<i32> {
    Command::new("sh").args(["-c", "sleep 0.02; exit 7"]).status().unwrap().code()
}

#[inline(never)]
fn wait_for_output() -> String {
    let output = Command::new("sh").args(["-c", "sleep 0.02; echo child"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

fn spin_until(flag: &AtomicBool) {
    while !flag.load(Ordering::Acquire) {
        thread::yield_now();
    }
}

// Runs `release` in a thread once `wait` is waiting.
fn while_waiting<R, W, T>(release: R, wait: W) -> T
where
    R: FnOnce() + Send + 'static,
    W: FnOnce() -> T,
{
    let scene = Arc::new(Scene::default());
    let releaser = {
        let scene = scene.clone();
        thread::spawn(move || {
            scene.hold_until_waited_for();
            release();
        })
    };
    scene.about_to_wait();
    let result = wait();
    releaser.join().unwrap();
    result
}

// The same lock in every round: who keeps it is only known after the first wait for it.
fn try_mutex(mutex: &Arc<Mutex<u64>>) {
    let scene = Arc::new(Scene::default());
    let holder = {
        let (mutex, scene) = (mutex.clone(), scene.clone());
        thread::spawn(move || keep_mutex(&mutex, &scene))
    };
    scene.about_to_wait();
    wait_for_mutex(mutex);
    holder.join().unwrap();
    println!("mutex {}", *mutex.lock().unwrap());
}

fn try_condition() {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let signalled = pair.clone();
    let signal = move || {
        *signalled.0.lock().unwrap() = true;
        signalled.1.notify_all();
    };
    println!("condition {}", while_waiting(signal, || wait_for_condition(&pair)));
}

fn try_rwlock() {
    let lock = Arc::new(RwLock::new(1));
    let scene = Arc::new(Scene::default());
    let writer = {
        let (lock, scene) = (lock.clone(), scene.clone());
        thread::spawn(move || {
            let mut value = lock.write().unwrap();
            scene.hold_until_waited_for();
            *value += 1;
        })
    };
    scene.about_to_wait();
    println!("read {}", wait_to_read(&lock));
    writer.join().unwrap();

    let scene = Arc::new(Scene::default());
    let reader = {
        let (lock, scene) = (lock.clone(), scene.clone());
        thread::spawn(move || {
            let _value = lock.read().unwrap();
            scene.hold_until_waited_for();
        })
    };
    scene.about_to_wait();
    wait_to_write(&lock);
    reader.join().unwrap();
    println!("written {}", *lock.read().unwrap());
}

fn try_threads() {
    let (sender, receiver) = channel();
    let send = move || sender.send(5).unwrap();
    println!("message {}", while_waiting(send, || wait_for_message(&receiver)));

    let joined = thread::spawn(|| {
        hold();
        6
    });
    println!("joined {}", wait_for_join(joined));

    let unparked = Arc::new(AtomicBool::new(false));
    let (main, flag) = (thread::current(), unparked.clone());
    let unpark = move || {
        flag.store(true, Ordering::Release);
        main.unpark();
    };
    while_waiting(unpark, || wait_for_unpark(&unparked));
    println!("unparked");
}

fn try_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        hold();
        stream.write_all(&[42]).unwrap();
    });
    let (mut stream, _) = listener.accept().unwrap();
    println!("byte {}", wait_for_bytes(&mut stream));
    client.join().unwrap();
}

fn main() {
    let mutex = Arc::new(Mutex::new(0));
    for _ in 0..ROUNDS {
        try_mutex(&mutex);
        try_condition();
        try_rwlock();
        try_threads();
        try_socket();
        println!("{} {:?}", wait_for_output(), wait_for_child());
    }
    let panicked = thread::spawn(|| panic!("on purpose")).join();
    println!("panicked {}", panicked.is_err());
    exit(3);
}
