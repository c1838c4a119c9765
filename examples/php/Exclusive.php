<?php
// Run this on one node, with PDO.  Copy this file.  docs/contract.md says why.
//
//   if ($lock = Exclusive::tryLock('host=db dbname=app', 'jobs', 'nightly-close')) {
//       close_book($book, $lock->token);
//       $lock->check();                   // throws LockLost: stop the work.  Call it thrice in a lease
//       $lock->unlock();                  // throws LockLost if it was lost before the work had ended
//   }                                     // else another node has the lock
//   $pdo->beginTransaction();             // once per slot, in your own transaction
//   if (Exclusive::once($pdo, 'jobs', 'nightly-close', '2026-11-28'))
//       $pdo->exec("INSERT INTO ledger VALUES ('2026-11-28')");
//   $pdo->commit();
class LockLost extends RuntimeException {}

final class Exclusive {
    public readonly ?int $token;
    private float $until = INF, $renewal = 0;

    private function __construct(private PDO $pdo, private array $name, private float $lease) {
        $this->token = $this->ask('SELECT CASE WHEN try_lock(n, k) THEN fencing_token(n, k) END
            FROM (SELECT ?::text AS n, ?::text AS k) name');
    }

    public static function tryLock(string $dsn, string $namespace, string $key, float $lease = 15): ?self {
        $pdo = new PDO(sprintf("pgsql:%s options='-c idle_session_timeout=%d'", $dsn, $lease * 1000));
        $lock = new self($pdo, [$namespace, $key], $lease);   // the session and the lock end with it
        return $lock->token ? $lock : null;
    }

    // Asks only the clock, so it is right after a freeze.
    public function held(): bool { return hrtime(true) / 1e9 < $this->until; }

    public function check(): void {
        if (!$this->held() || hrtime(true) / 1e9 > $this->renewal)
            $this->must('SELECT fencing_token(?, ?)', $this->token);
    }

    public function unlock(): void { $this->must('SELECT unlock(?, ?)', true); $this->until = 0; }

    public function __destruct() { if ($this->token ?? 0 and $this->held()) $this->unlock(); }

    private function must(string $statement, int|bool $answer): void {
        try { $right = $this->held() && $this->ask($statement) === $answer; }
        catch (PDOException) { $right = false; }
        if (!$right) { $this->until = 0; throw new LockLost(implode('/', $this->name) . ' is lost'); }
    }

    private function ask(string $statement): int|bool|null {
        $asked = hrtime(true) / 1e9;          // the lease counts from the question
        ($query = $this->pdo->prepare($statement))->execute($this->name);
        if (!$this->held()) return false;     // a late answer brings nothing back
        [$this->renewal, $this->until] = [$asked + $this->lease / 3, $asked + $this->lease * 29 / 30];
        return $query->fetchColumn();
    }

    public static function once(PDO $pdo, string ...$run): bool {   // (namespace, key, slot)
        ($query = $pdo->prepare("SELECT try_run_once(?, ?, ?, 'SELECT')"))->execute($run);
        return $query->fetchColumn();
    }
}
