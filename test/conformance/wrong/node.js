// node.js BUG: clients with one mistake each, as in python.py.
"use strict";
const { Client, Pool } = require("pg");
const { commands, recipe, serve } = require("../clients/node.js");

// released: its session still has it
function each_query_on_any_connection() {
  const pool = new Pool({ max: 2 });
  const on_any = async (statement, ...name) => Object.values((await pool.query(statement, name)).rows[0])[0];
  let name;
  commands.acquire = async (...asked) => {
    name = asked;
    const token = await on_any("SELECT CASE WHEN try_lock($1, $2) THEN fencing_token($1, $2) END", ...name);
    return token ? `acquired ${token}` : "busy";
  };
  commands.release = async () => {           // other work of the service takes a connection first
    const other = [pool.query("SELECT pg_sleep(0.2)")];
    await on_any("SELECT unlock($1, $2)", ...name);
    await Promise.all(other);
    return "released";
  };
}

// frozen_at_work: needs idle_session_timeout
function keeps_the_lock_for_as_long_as_the_process_lives() {
  const connect = Client.prototype.connect;
  Client.prototype.connect = function () {
    this.connectionParameters.options = "";
    return connect.call(this);
  };
}

// once_fails: Record and work have to be in one transaction
function once_on_the_pool() {
  const pool = new Pool(), once = recipe.once;
  recipe.once = (client, ...run) => once(pool, ...run);
}

({ each_query_on_any_connection, keeps_the_lock_for_as_long_as_the_process_lives, once_on_the_pool })[process.argv[2]]();
serve();
