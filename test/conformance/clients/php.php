<?php
// Drives examples/php/Exclusive.php for the kit: a command a line, an answer a line.
require __DIR__ . '/../../../examples/php/Exclusive.php';

const DSN = '';
final class TaskFailed extends Exception {}

function checked(Exclusive $lock): bool
{
    try {
        $lock->check();
        return true;
    } catch (LockLost) {
        return false;
    }
}

final class Client
{
    private ?Exclusive $lock = null;

    public function acquire(string $namespace, string $key): string
    {
        $this->lock = Exclusive::tryLock(DSN, $namespace, $key, getenv('CONFORMANCE_LEASE') / 1000);
        return $this->lock ? "acquired {$this->lock->token}" : 'busy';
    }

    public function hold(string $milliseconds): string
    {
        $end = hrtime(true) + $milliseconds * 1e6;
        while (checked($this->lock)) {
            if (hrtime(true) > $end) {
                return 'held';
            }
            usleep(10000);
        }
        return 'lost';
    }

    public function work(string $file, string $milliseconds): string
    {
        $end = hrtime(true) + $milliseconds * 1e6;
        $witness = fopen($file, 'a');
        for ($steps = 0;; $steps++) {
            $now = hrtime(true);                // before the check, so that nobody is accused wrongly
            if (!checked($this->lock)) {
                return "lost $steps";
            }
            if ($now > $end) {
                return "worked $steps";
            }
            fwrite($witness, "$now {$this->lock->token}\n");
            usleep(5000);
        }
    }

    public function report(): string
    {
        return !$this->lock ? 'idle' : ($this->lock->held() ? "held {$this->lock->token}" : 'lost');
    }

    public function release(): string
    {
        $this->lock->unlock();
        return 'released';
    }

    public function fail(): string
    {
        try {
            $lock = $this->lock;
            $this->lock = null;
            throw new TaskFailed();
        } catch (TaskFailed) {
            unset($lock);
            return 'raised';
        }
    }

    public function once(string $namespace, string $key, string $slot, ?string $fail = null): string
    {
        $pdo = new PDO('pgsql:' . DSN);
        $pdo->beginTransaction();
        if (!Exclusive::once($pdo, $namespace, $key, $slot)) {
            return 'skipped';
        }
        $pdo->prepare('INSERT INTO work_done VALUES (?, ?)')->execute([$key, $slot]);
        if ($fail) {
            return 'raised';
        }
        $pdo->commit();
        return 'ran';
    }
}

$client = new Client();
while (($line = fgets(STDIN)) !== false) {
    $arguments = explode("\t", rtrim($line, "\n"));
    $command = array_shift($arguments);
    try {
        $answer = $client->$command(...$arguments);
    } catch (LockLost) {
        $answer = 'lost';
    } catch (PDOException $error) {
        $state = $error->errorInfo[0] ?? '';
        $answer = 'failed ' . (strlen($state) == 5 ? $state : '08006');
    }
    echo "$answer\n";
}
