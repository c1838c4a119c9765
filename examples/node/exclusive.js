// Run this on one node, with node-postgres.  Copy this file.  docs/contract.md says why.
//
//   const ran = await tryRunExclusive(config, "jobs", "nightly-close", async (lock) => {
//     for (const book of books) {
//       lock.check();                       // throws LockLost: stop the work
//       await close(book, lock.token, { signal: lock.signal });   // aborted when it is lost
//     }
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
  const lose = () => lost.abort(new LockLost(`lock ${namespace}/${key} is lost`));
  let until = Infinity, alarm, renewal;
  const held = () => !lost.signal.aborted && performance.now() < until;   // right after a freeze
  const check = () => { if (!held()) { lose(); throw lost.signal.reason; } };

  async function ask(statement) {          // the lease counts from the question
    const next = performance.now() + (lease * 29) / 30;
    const { rows } = await client.query({ text: statement, values: [namespace, key], rowMode: "array" });
    check();                               // a late answer brings nothing back
    clearTimeout(alarm);
    alarm = setTimeout(lose, (until = next) - performance.now());
    return rows[0][0];
  }

  try {
    client.on("error", lose).on("end", lose);
    await client.connect();
    const token = await ask("SELECT CASE WHEN try_lock($1, $2) THEN fencing_token($1, $2) END");
    if (!token) return false;
    const renew = async () => (await ask("SELECT fencing_token($1, $2)")) === token || lose();
    renewal = setInterval(() => renew().catch(lose), lease / 3);
    try {
      await task({ token: Number(token), signal: lost.signal, held, check });
    } finally {
      clearInterval(renewal);
      if (!held() || !(await ask("SELECT unlock($1, $2)"))) lose();
    }
    check();
    return true;
  } finally {                              // the session ends, and the lock with it
    clearTimeout(alarm);
    client.end().catch(() => {});
  }
}

const once = async (client, ...run) =>     // (namespace, key, slot), in the caller's transaction
  (await client.query("SELECT try_run_once($1, $2, $3, 'SELECT') AS ran", run)).rows[0].ran;

module.exports = { tryRunExclusive, once, LockLost };
