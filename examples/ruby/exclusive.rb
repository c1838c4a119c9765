# Run this on one node, with the gem pg.  Copy this file.  docs/contract.md says why.
#
#   Exclusive.try_lock("service=app", "jobs", "nightly-close") do |lock|
#     lock.check                           # raises Exclusive::Lost: stop the work
#   end or puts "another node has the lock"
#   conn.transaction do                    # once per slot, in your own transaction
#     Exclusive.once(conn, "jobs", "nightly-close", "2026-11-28") and
#       conn.exec("INSERT INTO ledger VALUES ('2026-11-28')")
#   end
require "pg"

class Exclusive
  Lost = Class.new(StandardError)
  attr_reader :token

  def self.try_lock(conninfo, namespace, key, lease: 15.0)
    conn = PG.connect(conninfo, options: "-c idle_session_timeout=#{(lease * 1000).round}")
    lock = new(conn, [namespace, key], lease)
    renewal = Thread.new { lock.renew } if lock.token
    renewal ? (yield lock; true) : false
  ensure                                   # the session ends, and the lock with it
    begin
      renewal.nil? || lock.ask("SELECT unlock($1, $2)", 0) == "t" or raise Lost, "the lock was lost"
    ensure
      renewal&.kill
      conn&.close
    end
  end

  def self.once(conn, *run)                # namespace, key, slot: in the caller's transaction
    conn.exec_params("SELECT try_run_once($1, $2, $3, 'SELECT')", run).getvalue(0, 0) == "t"
  end

  def initialize(conn, name, lease)
    @conn, @name, @lease, @until, @mutex = conn, name, lease, Float::INFINITY, Mutex.new
    @token = ask("SELECT CASE WHEN try_lock($1, $2) THEN fencing_token($1, $2) END")&.to_i
  end

  def clock = Process.clock_gettime(Process::CLOCK_BOOTTIME)
  def held? = clock < @until               # asks only the clock, so it is right after a freeze
  def check = held? || raise(Lost, "lock #{@name.join("/")} is lost")

  def ask(statement, lease = @lease)
    check
    @mutex.synchronize do
      asked = clock                        # the lease counts from the question
      @until = asked if lease.zero?        # belief ends before the lock does
      answer = @conn.exec_params(statement, @name).getvalue(0, 0)
      check unless lease.zero?             # a late answer brings nothing back
      answer.tap { @until = asked + lease * 29 / 30 }
    end
  end

  def renew
    IO.select([@conn.socket_io], nil, nil, @lease / 3) while ask("SELECT fencing_token($1, $2)").to_i == @token
  rescue PG::Error, Lost                   # readable: the server ends the session
  ensure
    @until = 0
  end
end
