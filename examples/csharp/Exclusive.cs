// Run this on one node, with Npgsql.  Copy this file.  docs/contract.md says why.  It was not run:
// there was no C# compiler where the recipes for other languages were tested.
//
//   bool ran = await Exclusive.TryRunAsync("Host=db;Database=app", "jobs", "nightly-close", lease,
//     async held => {                                    // false: another node has the lock
//       held.Check();                                    // throws LockLostException: stop the work
//       await CloseAsync(book, held.Token, held.Lost);   // cancelled when the lock is lost
//     });
//   bool ran = await Exclusive.OnceAsync(transaction, "jobs", "nightly-close", "2026-11-28");
using System.Diagnostics; using Npgsql;
public sealed class LockLostException() : Exception("The lock is lost. Another node may have it.");
public sealed class Exclusive {
  private readonly CancellationTokenSource lost = new();
  private long until = long.MaxValue;                         // by Stopwatch, the monotonic clock
  public long Token { get; private set; }
  public CancellationToken Lost => lost.Token;
  public bool Held => !lost.IsCancellationRequested && Stopwatch.GetTimestamp() < Volatile.Read(ref until);
  public void Check() { if (!Held) throw new LockLostException(); }

  public static async Task<bool> TryRunAsync(string dsn, string ns, string key, TimeSpan lease, Func<Exclusive, Task> task) {
    var settings = new NpgsqlConnectionStringBuilder(dsn) {   // a session of its own, from no pool
      Pooling = false, Options = $"-c idle_session_timeout={lease.TotalMilliseconds:F0}",
      CommandTimeout = (int)Math.Ceiling(lease.TotalSeconds) };    // of a silent server
    await using var session = new NpgsqlConnection(settings.ConnectionString);
    await session.OpenAsync();                                // at the end the lock goes with the session
    var held = new Exclusive();
    held.Token = await Ask("SELECT CASE WHEN try_lock($1, $2) THEN fencing_token($1, $2) END");
    if (held.Token == 0) return false;
    var done = new CancellationTokenSource();
    var renewals = Renew();
    try { await task(held); }
    finally {
      done.Cancel();
      await Task.WhenAny(renewals, Task.Delay(Timeout.Infinite, held.Lost));
      if (!held.Held || await Ask("SELECT unlock($1, $2)::int::bigint") != 1) throw new LockLostException();
    }
    return true;
    async Task<long> Ask(string statement) {
      long asked = Stopwatch.GetTimestamp();                  // the lease counts from the question
      var answer = await Command(statement, session, ns, key).ExecuteScalarAsync() as long? ?? 0;
      held.Check();                                           // a late answer brings nothing back
      var left = lease * 29 / 30 - Stopwatch.GetElapsedTime(asked);
      Volatile.Write(ref held.until, Stopwatch.GetTimestamp() + (long)(left.TotalSeconds * Stopwatch.Frequency));
      held.lost.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
      return answer;
    }
    async Task Renew() {
      try { while (await Ask("SELECT fencing_token($1, $2)") == held.Token) await Task.Delay(lease / 3, done.Token); }
      catch (Exception) when (!done.IsCancellationRequested) { }
      held.lost.Cancel();
    }
  }
  public static async Task<bool> OnceAsync(NpgsqlTransaction work, params string[] run) =>
    (bool)(await Command("SELECT try_run_once($1, $2, $3, 'SELECT')", work.Connection!, run).ExecuteScalarAsync())!;
  private static NpgsqlCommand Command(string statement, NpgsqlConnection session, params string[] values) {
    var command = new NpgsqlCommand(statement, session);
    foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
    return command;
  }
}
