// Run this on one node, without a session: behind a pooler in transaction mode, with node-postgres.
// Copy this file.  docs/contract.md says why.  Each question takes a connection from the pool.
//
//   const ran = await tryRunLeased(pool, "jobs", "nightly-close", async (lease) => {
//     for (const book of books) {
//       lease.check();                      // throws LeaseLost: stop the work
//       await close(book, lease.token, { signal: lease.signal });  // aborted when it is lost
//     }
//   });                                     // false: another node has the lock
"use strict";

class LeaseLost extends Error {}

async function tryRunLeased(pool, namespace, key, task, ttl = 15000) {
  const lost = new AbortController();
  const loss = new LeaseLost(`lease of ${namespace}/${key} is lost`), lose = () => lost.abort(loss);
  let until = Infinity, over = false, released, alarm;
  const held = () => !over && !lost.signal.aborted && performance.now() < until;   // right after a freeze
  const check = () => { if (!held()) { over || lose(); throw loss; } };

  const ask = async (statement, ...values) =>
    (await pool.query({ text: statement, values: [namespace, key, ...values], rowMode: "array" })).rows[0][0];

  async function extend(statement, value) {  // the lease counts from the question
    const next = performance.now() + (ttl * 29) / 30;
    const answer = await ask(statement, value);
    check();                               // a late answer brings nothing back
    clearTimeout(alarm);
    alarm = setTimeout(lose, (until = next) - performance.now());
    return answer;
  }

  const token = await extend("SELECT acquire_lease($1, $2, make_interval(secs => $3))", ttl / 1000);
  if (!token) return clearTimeout(alarm), false;
  const renew = async () => (await extend("SELECT renew_lease($1, $2, $3)", token)) || lose();
  const renewal = setInterval(() => renew().catch(() => {}), ttl / 5);   // the next may do better
  try {
    await task({ token: Number(token), signal: lost.signal, held, check });
  } finally {
    clearInterval(renewal);
    const kept = held();
    over = true;                           // belief ends before the lease does
    clearTimeout(alarm);
    released = kept && (await ask("SELECT release_lease($1, $2, $3)", token));
  }
  if (!released) throw loss;
  return true;
}

module.exports = { tryRunLeased, LeaseLost };
