"""Drives examples/python/exclusive_asyncio.py for the kit: a command a line, an answer a line."""
import asyncio, os, sys, time

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../examples/python"))
import exclusive_asyncio as recipe

LEASE = int(os.environ["CONFORMANCE_LEASE"]) / 1000


class TaskFailed(Exception):
    pass


class Client:
    lock = task = finish = None

    async def acquire(self, namespace, key):
        """The body waits in a task of its own until a later command ends it."""
        loop = asyncio.get_running_loop()
        answer, self.finish = loop.create_future(), loop.create_future()

        async def body():
            async with recipe.try_lock("", namespace, key, LEASE) as self.lock:
                answer.set_result(f"acquired {self.lock.token}" if self.lock else "busy")
                if self.lock:
                    await self.finish
        self.task = asyncio.create_task(body())
        await asyncio.wait([self.task, answer], return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            self.task.result()
        return answer.result()

    async def hold(self, milliseconds):
        end = time.monotonic() + int(milliseconds) / 1000
        while self.lock.held() and time.monotonic() < end and not self.task.done():
            await asyncio.sleep(0.01)
        return "held" if self.lock.held() else "lost"

    async def work(self, file, milliseconds):
        end = time.monotonic() + int(milliseconds) / 1000
        with open(file, "ab", 0) as witness:
            steps = 0
            while time.monotonic() < end:
                now = time.monotonic_ns()   # before the check, so that nobody is accused wrongly
                if not self.lock.held():
                    return f"lost {steps}"
                witness.write(b"%d %d\n" % (now, self.lock.token))
                steps += 1
                await asyncio.sleep(0.005)
        return f"worked {steps}"

    async def report(self):
        if not self.lock:
            return "idle"
        return f"held {self.lock.token}" if self.lock.held() else "lost"

    async def end(self, how):
        if not self.finish.done():
            how()
        try:
            await self.task
        except TaskFailed:
            return "raised"
        except (recipe.LockLost, psycopg.OperationalError):
            return "lost"
        return "released"

    async def release(self):
        return await self.end(lambda: self.finish.set_result(None))

    async def fail(self):
        return await self.end(lambda: self.finish.set_exception(TaskFailed()))

    async def once(self, namespace, key, slot, fail=None):
        try:
            async with await psycopg.AsyncConnection.connect("") as conn:
                if not await recipe.once(conn, namespace, key, slot):
                    return "skipped"
                await conn.execute("INSERT INTO work_done VALUES (%s, %s)", (key, slot))
                if fail:
                    raise TaskFailed
        except TaskFailed:
            return "raised"
        return "ran"

    async def serve(self):
        loop = asyncio.get_running_loop()
        commands = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while line := (await commands.readline()).decode().rstrip("\n"):
            command, *arguments = line.split("\t")
            try:
                answer = await getattr(self, command)(*arguments)
            except psycopg.Error as error:
                answer = f"failed {error.sqlstate or '08006'}"
            except (recipe.LockLost, TimeoutError):
                answer = "lost"
            print(answer, flush=True)


if __name__ == "__main__":
    asyncio.run(Client().serve())
