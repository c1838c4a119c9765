import java.io.*;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.time.Duration;

/** Drives examples/java/Exclusive.java for the kit: a command a line, an answer a line. */
@SuppressWarnings({"serial", "try"})
public final class Client {
  private static final Duration LEASE =
      Duration.ofMillis(Long.parseLong(System.getenv("CONFORMANCE_LEASE")));
  private static final String URL = String.format("jdbc:postgresql://%s:%s/%s?user=%s&ApplicationName=%s",
      System.getenv("PGHOST"), System.getenv("PGPORT"), System.getenv("PGDATABASE"),
      System.getenv("PGUSER"), System.getenv("PGAPPNAME"));

  private Exclusive lock;

  private static final class TaskFailed extends Exception { }

  private String acquire(String namespace, String key) throws SQLException {
    lock = new Exclusive(URL, namespace, key, LEASE);
    if (lock.token != 0) return "acquired " + lock.token;
    release();
    return "busy";
  }

  private String hold(long milliseconds) throws InterruptedException {
    long end = System.nanoTime() + milliseconds * 1_000_000;
    while (lock.held() && System.nanoTime() < end) Thread.sleep(10);
    return lock.held() ? "held" : "lost";
  }

  private String work(String file, long milliseconds) throws IOException, InterruptedException {
    long end = System.nanoTime() + milliseconds * 1_000_000;
    int steps = 0;
    try (var witness = new FileOutputStream(file, true)) {
      while (System.nanoTime() < end) {
        long now = System.nanoTime();      // before the check, so that nobody is accused wrongly
        if (!lock.held()) return "lost " + steps;
        witness.write((now + " " + lock.token + "\n").getBytes(StandardCharsets.US_ASCII));
        steps++;
        Thread.sleep(5);
      }
    }
    return "worked " + steps;
  }

  private String report() {
    return lock == null ? "idle" : lock.held() ? "held " + lock.token : "lost";
  }

  private String release() throws SQLException {
    try (var ending = lock) {
      return "released";
    } catch (SQLException e) {
      return "lost";
    }
  }

  private String fail() {
    try (var ending = lock) {
      lock = null;
      throw new TaskFailed();
    } catch (Exception e) {
      return e instanceof TaskFailed ? "raised" : "lost";
    }
  }

  private String once(String namespace, String key, String slot, boolean fail) throws SQLException {
    try (var connection = DriverManager.getConnection(URL)) {
      connection.setAutoCommit(false);
      if (!Exclusive.once(connection, namespace, key, slot)) return "skipped";
      try (var insert = connection.prepareStatement("INSERT INTO work_done VALUES (?, ?)")) {
        insert.setString(1, key);
        insert.setString(2, slot);
        insert.executeUpdate();
      }
      if (fail) return "raised";
      connection.commit();
      return "ran";
    }
  }

  private String answer(String[] line) throws Exception {
    switch (line[0]) {
      case "acquire": return acquire(line[1], line[2]);
      case "hold": return hold(Long.parseLong(line[1]));
      case "work": return work(line[1], Long.parseLong(line[2]));
      case "report": return report();
      case "release": return release();
      case "fail": return fail();
      case "once": return once(line[1], line[2], line[3], line.length > 4);
      default: return "failed 0A000";
    }
  }

  public static void main(String[] arguments) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var client = new Client();
    for (String line; (line = in.readLine()) != null;) {
      String answer;
      try {
        answer = client.answer(line.split("\t", -1));
      } catch (Exclusive.Lost e) {
        answer = "lost";
      } catch (SQLException e) {
        String state = e.getSQLState();
        answer = "failed " + (state == null ? "08006" : state);
      }
      System.out.println(answer);
    }
    System.exit(0);
  }
}
