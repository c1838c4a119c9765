// Run this on one node, with JDBC.  Copy this file.  docs/contract.md says why.
//
//   try (var lock = new Exclusive("jdbc:postgresql://db/app", "jobs", "nightly-close", lease)) {
//     if (lock.token == 0) return;                       // another node has the lock
//     lock.check();                                      // throws Lost: stop the work
//     close(book, lock.token);
//   }                                                    // throws Lost if it was lost before
//   if (Exclusive.once(connection, "jobs", "nightly-close", "2026-11-28"))
//     insert(connection, "2026-11-28");                  // once per slot, in your own transaction
import java.sql.*;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.*;
public final class Exclusive implements AutoCloseable {
  @SuppressWarnings("serial") public static final class Lost extends RuntimeException { }
  public final long token;
  private final long lease;
  private final String[] name;
  private final Connection session;
  private volatile long until = System.nanoTime() + Long.MAX_VALUE / 2;
  private final ScheduledExecutorService renewals = Executors.newSingleThreadScheduledExecutor();
  public Exclusive(String url, String namespace, String key, Duration length) throws SQLException {
    lease = length.toNanos(); name = new String[] {namespace, key};
    var settings = new Properties();
    settings.setProperty("options", "-c idle_session_timeout=" + length.toMillis());
    settings.setProperty("socketTimeout", "" + (1 + length.toSeconds()));    // of a silent server
    session = DriverManager.getConnection(url, settings);
    long answer = 0;
    try { answer = renew("SELECT CASE WHEN try_lock(n, k) THEN fencing_token(n, k) END FROM (SELECT ? n, ? k) l"); }
    finally { if (answer == 0) session.close(); }
    if ((token = answer) != 0) renewals.scheduleAtFixedRate(this::renew, 0, lease / 3, TimeUnit.NANOSECONDS);
  }
  public boolean held() { return System.nanoTime() - until < 0; }    // right also after a freeze
  public void check() { if (!held()) throw new Lost(); }
  private void renew() {
    try { if (renew("SELECT fencing_token(?, ?)") == token) return; } catch (SQLException | Lost e) { }
    until = System.nanoTime();
  }
  private long renew(String statement) throws SQLException {
    long asked = System.nanoTime(), answer = ask(session, statement, name);
    check();                                              // a late answer brings nothing back
    until = asked + lease / 30 * 29;                      // the lease counts from the question
    return answer;
  }
  @Override public void close() throws SQLException {     // the session ends, and the lock with it
    renewals.shutdownNow();
    if (token == 0) return;
    try { check(); until = System.nanoTime(); if (ask(session, "SELECT unlock(?, ?)::int", name) == 0) throw new Lost(); }
    finally { session.close(); }
  }
  private static long ask(Connection connection, String statement, String... values) throws SQLException {
    try (var query = connection.prepareStatement(statement)) {
      for (int i = 0; i < values.length; i++) query.setString(i + 1, values[i]);
      try (var answer = query.executeQuery()) { return answer.next() ? answer.getLong(1) : 0; }
    }
  }
  public static boolean once(Connection connection, String... run) throws SQLException {
    return ask(connection, "SELECT try_run_once(?, ?, ?, 'SELECT')::int", run) == 1;
  }
}
