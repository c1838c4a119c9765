// Drives examples/node/exclusive.js for the kit: a command a line, an answer a line.
"use strict";
const fs = require("fs");
const readline = require("readline");
const { Client } = require("pg");
const recipe = require("../../../examples/node/exclusive.js");

const LEASE = Number(process.env.CONFORMANCE_LEASE);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
class TaskFailed extends Error {}

let lock = null, finish = null, task = null;

const form = {
  Lost: recipe.LockLost,
  tryRun: (namespace, key, task) => recipe.tryRunExclusive({}, namespace, key, task, LEASE),
};

const commands = {
  // The task of the recipe waits until a later command ends it.
  acquire(namespace, key) {
    return new Promise((answer, failed) => {
      task = form.tryRun(namespace, key, (held) => {
        lock = held;
        answer(`acquired ${held.token}`);
        return new Promise((resolve, reject) => (finish = { resolve, reject }));
      });
      task.then((ran) => ran || answer("busy"), failed);
    });
  },
  async hold(milliseconds) {
    const end = Date.now() + Number(milliseconds);
    while (lock.held() && Date.now() < end) await sleep(10);
    return lock.held() ? "held" : "lost";
  },
  async work(file, milliseconds) {
    const end = Date.now() + Number(milliseconds);
    const witness = fs.openSync(file, "a");
    for (let steps = 0; ; steps++) {
      const now = process.hrtime.bigint();   // before the check, so that nobody is accused wrongly
      if (!lock.held()) return `lost ${steps}`;
      if (Date.now() > end) return `worked ${steps}`;
      fs.writeSync(witness, `${now} ${lock.token}\n`);
      await sleep(5);
    }
  },
  report() {
    return !lock ? "idle" : lock.held() ? `held ${lock.token}` : "lost";
  },
  async release() {
    finish.resolve();
    await task;
    return "released";
  },
  async fail() {
    finish.reject(new TaskFailed());
    return task.then(() => "released", () => "raised");
  },
  async once(namespace, key, slot, fail) {
    const client = new Client();
    await client.connect();
    try {
      await client.query("BEGIN");
      if (!(await recipe.once(client, namespace, key, slot))) return "skipped";
      await client.query("INSERT INTO work_done VALUES ($1, $2)", [key, slot]);
      if (fail) return "raised";
      await client.query("COMMIT");
      return "ran";
    } finally {
      await client.end();
    }
  },
};

async function serve() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, ...rest] = line.split("\t");
    let answer;
    try {
      answer = await commands[command](...rest);
    } catch (error) {
      const lost = error instanceof form.Lost || command === "release";
      answer = lost ? "lost" : `failed ${error.code && error.code.length === 5 ? error.code : "08006"}`;
    }
    process.stdout.write(answer + "\n");
  }
  process.exit(0);
}

module.exports = { LEASE, commands, form, recipe, serve };
if (require.main === module) serve();
