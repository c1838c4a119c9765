// Run this on one node, with node-postgres.  Copy this file.  docs/contract.md says why.
//
//   const ran = await tryRunExclusive(config, "jobs", "nightly-close", async (lock) => {
//     lock.check();                         // throws LockLost: stop the work
//     await close(book, lock.token, { signal: lock.signal });     // aborted when it is lost
//   });                                     // false: another node has the lock
//
//   await client.query("BEGIN");            // once per slot, in your own transaction
//   if (await once(client, "jobs", "nightly-close", "2026-11-28"))
//     await client.query("INSERT INTO ledger VALUES ('2026-11-28')");
//   await client.query("COMMIT");
"use strict";
const { Client } = require("pg");

class LockLost extends Error {}

async function tryRunExclusive(config, namespace, key, task, lease = 15000) {
  const client = new Client({ ...config, options: `-c idle_session_timeout=${lease}` });
  const lost = new AbortController();
  const loss = new LockLost(`lock ${namespace}/${key} is lost`), lose = () => lost.abort(loss);
  let until = Infinity, over = false, unlocked, alarm, renewal;
  const held = () => !over && !lost.signal.aborted && performance.now() < until;   // right after a freeze
  const check = () => { if (!held()) { over || lose(); throw loss; } };

  const query = async (statement) =>
    (await client.query({ text: statement, values: [namespace, key], rowMode: "array" })).rows[0][0];
  async function ask(statement) {          // the lease counts from the question
    const next = performance.now() + (lease * 29) / 30, answer = await query(statement);
    check();                               // a late answer brings nothing back
    clearTimeout(alarm);
    alarm = setTimeout(lose, (until = next) - performance.now());
    return answer;
  }

  try {
    client.on("error", lose).on("end", () => over || lose());
    await client.connect();
    const token = await ask("SELECT CASE WHEN try_lock($1, $2) THEN fencing_token($1, $2) END");
    if (!token) return false;
    const renew = async () => (await ask("SELECT fencing_token($1, $2)")) === token || over || lose();
    renewal = setInterval(() => renew().catch(() => over || lose()), lease / 3);
    try {
      await task({ token: Number(token), signal: lost.signal, held, check });
    } finally {
      const kept = held();
      over = true;                         // belief ends before the lock does
      unlocked = kept && (await query("SELECT unlock($1, $2)"));
    }
    if (!unlocked) throw loss;
    return true;
  } finally {                              // the session ends, and the lock with it
    clearTimeout(alarm);
    client.end().catch(() => {});
  }
}

const once = async (client, ...run) =>     // (namespace, key, slot), in the caller's transaction
  (await client.query("SELECT try_run_once($1, $2, $3, 'SELECT') AS ran", run)).rows[0].ran;

module.exports = { tryRunExclusive, once, LockLost };
