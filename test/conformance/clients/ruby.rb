# Drives examples/ruby/exclusive.rb for the kit: a command a line, an answer a line.
require_relative "../../../examples/ruby/exclusive"

LEASE = ENV["CONFORMANCE_LEASE"].to_i / 1000.0
TaskFailed = Class.new(StandardError)
$stdout.sync = true

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

class Client
  # The block waits in a thread of its own until a later command ends it.
  def acquire(namespace, key)
    answers, @finish = Queue.new, Queue.new
    finish = @finish
    @task = Thread.new do
      Thread.current.report_on_exception = false
      ran = Exclusive.try_lock("dbname=#{ENV["PGDATABASE"]}", namespace, key, lease: LEASE) do |lock|
        @lock = lock
        answers << "acquired #{lock.token}"
        finish.pop.call
      end
      answers << "busy" unless ran
    rescue PG::Error, Exclusive::Lost => error
      answers << error
      raise
    end
    answer = answers.pop
    answer.is_a?(Exception) ? raise(answer) : answer
  end

  def hold(milliseconds)
    ending = now + milliseconds.to_i / 1000.0
    sleep 0.01 while @lock.held? && now < ending
    @lock.held? ? "held" : "lost"
  end

  def work(file, milliseconds)
    ending = now + milliseconds.to_i / 1000.0
    steps = 0
    File.open(file, "a") do |witness|
      witness.sync = true
      while (time = now) < ending         # before the check, so that nobody is accused wrongly
        return "lost #{steps}" unless @lock.held?
        witness.write("#{(time * 1e9).round} #{@lock.token}\n")
        steps += 1
        sleep 0.005
      end
    end
    "worked #{steps}"
  end

  def report
    return "idle" unless @lock
    @lock.held? ? "held #{@lock.token}" : "lost"
  end

  def finish(how)
    @finish << how
    @task.join
    "released"
  rescue TaskFailed
    "raised"
  rescue PG::Error, Exclusive::Lost
    "lost"
  end

  def release = finish(-> {})
  def fail = finish(-> { raise TaskFailed })

  def once(namespace, key, slot, failing = nil)
    conn = PG.connect
    conn.transaction do
      return "skipped" unless Exclusive.once(conn, namespace, key, slot)
      conn.exec_params("INSERT INTO work_done VALUES ($1, $2)", [key, slot])
      raise TaskFailed if failing
    end
    "ran"
  rescue TaskFailed
    "raised"
  ensure
    conn&.close
  end
end

client = Client.new
$stdin.each_line(chomp: true) do |line|
  command, *arguments = line.split("\t", -1)
  begin
    puts client.public_send(command, *arguments)
  rescue Exclusive::Lost
    puts "lost"
  rescue PG::Error => error
    puts "failed #{error.result&.error_field(PG::PG_DIAG_SQLSTATE) || "08006"}"
  end
end
