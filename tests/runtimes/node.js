// What Node waits with: workers that wait for each other, the thread pool that reads files, and
// children. Prints what each gave.

'use strict';

const { execFileSync, spawn } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');
const util = require('util');
const { Worker, isMainThread, workerData } = require('worker_threads');

const ROUNDS = 3;
const HOLD_MS = 20; // long enough for another thread to begin its wait

function waitForWord(words, index) {
  return Atomics.wait(words, index, 0);
}

// A worker answers each word that is set, a while later.
function answer(words) {
  for (let round = 0; round < ROUNDS; round++) {
    waitForWord(words, 2 * round);
    Atomics.wait(words, 2 * ROUNDS, 0, HOLD_MS);
    Atomics.store(words, 2 * round + 1, round + 1);
    Atomics.notify(words, 2 * round + 1);
  }
}

async function tryWorker() {
  const words = new Int32Array(new SharedArrayBuffer(4 * (2 * ROUNDS + 1)));
  const worker = new Worker(__filename, { workerData: words });
  const ended = new Promise((resolve) => worker.on('exit', resolve));

  await new Promise((resolve) => worker.on('online', resolve));
  for (let round = 0; round < ROUNDS; round++) {
    Atomics.store(words, 2 * round, 1);
    Atomics.notify(words, 2 * round);
    const result = waitForWord(words, 2 * round + 1);
    console.log('answer', words[2 * round + 1], ['ok', 'not-equal'].includes(result));
  }
  console.log('worker', await ended);
}

async function tryFiles() {
  const text = fs.readFileSync(__filename);
  const reads = await Promise.all(
    Array.from({ length: 16 }, () => fs.promises.readFile(__filename)));

  console.log('read', reads.every((read) => read.equals(text)));
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'waitprof-node-'));
  const fifo = path.join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  spawn('sh', ['-c', 'sleep 0.02; exec >"$0"; sleep 0.02; echo late', fifo]);
  console.log('fifo', (await fs.promises.readFile(fifo)).toString().trim());
  fs.rmSync(directory, { recursive: true });
  const derive = util.promisify(crypto.pbkdf2);
  const keys = await Promise.all(
    ['a', 'b', 'c', 'd'].map((salt) => derive('password', salt, 10000, 8, 'sha256')));
  console.log('keys', keys.map((key) => key.toString('hex')).join(' '));
}

async function tryChild() {
  console.log(execFileSync('sh', ['-c', 'sleep 0.02; echo child']).toString().trim());
  const child = spawn('sh', ['-c', 'sleep 0.02; read line; echo "got $line"; exit 7']);
  let output = '';

  child.stdout.on('data', (data) => { output += data; });
  child.stdin.end('a line\n');
  const status = await new Promise((resolve) => child.on('close', resolve));
  console.log(output.trim(), status);
}

async function main() {
  await tryWorker();
  await tryFiles();
  await tryChild();
  await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
  process.exitCode = 3;
}

if (isMainThread) {
  main();
} else {
  answer(workerData);
}
