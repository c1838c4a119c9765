// Drives examples/node/lease.js for the kit, on a pool.
"use strict";
const { Pool } = require("pg");
const { LeaseLost, tryRunLeased } = require("../../../examples/node/lease.js");
const { LEASE, form, serve } = require("./node.js");

const pool = new Pool({ max: 2 }).on("error", () => {});   // an idle connection has broken
form.Lost = LeaseLost;
form.tryRun = (namespace, key, task) => tryRunLeased(pool, namespace, key, task, LEASE);
serve();
