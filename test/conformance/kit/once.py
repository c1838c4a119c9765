"""Cases: once per slot, in the client's own transaction."""
from .case import case
from .client import Refused


def rows(kit):
    return int(kit.sql.value(f"SELECT count(*) FROM work_done WHERE key = '{kit.key}'"))


def once(kit, client, slot, wanted, why, *how):
    answer = client.ask("once", kit.namespace, kit.key, slot, *how)
    if answer != [wanted]:
        raise Refused(f"{why} It answers “{' '.join(answer)}”.")


@case("a slot runs once, and the next slot runs too")
def once_per_slot(kit):
    first, second = kit.client(), kit.client()
    once(kit, first, "monday", "ran", "A slot that has not run is not run.")
    for client in (first, second):
        once(kit, client, "monday", "skipped", "A slot that has run is run again.")
    once(kit, second, "tuesday", "ran", "A slot that has not run is not run.")
    if rows(kit) != 2:
        raise Refused(f"Two slots have run, and their work is there {rows(kit)} times.")


@case("a run that fails leaves neither work nor record, and may run again")
def once_fails(kit):
    client = kit.client()
    once(kit, client, "monday", "raised", "The work has failed.", "fail")
    if rows(kit):
        raise Refused("The work of a run that failed is there. Record and work have to be in one "
                      "transaction.")
    once(kit, client, "monday", "ran", "The work has failed, and the slot cannot run again. Record "
                                       "and work have to be in one transaction.")
    if rows(kit) != 1:
        raise Refused("The run succeeded, and its work is not there.")


@case("a slot that another client is running is skipped, and runs again if that client is killed")
def once_killed(kit):
    first, second, gate = kit.client(), kit.client(), kit.gate("once", "after")
    first.send("once", kit.namespace, kit.key, "monday")
    kit.hanging(gate, kit.patience, "It does not call try_run_once().")
    gate.forget()
    once(kit, second, "monday", "skipped", "A slot that another client is running is run again.")
    first.kill()
    gate.open()
    kit.until(lambda: second.ask("once", kit.namespace, kit.key, "monday") == ["ran"],
              kit.patience, "A slot whose run was killed cannot run again.")
    if rows(kit) != 1:
        raise Refused(f"A slot has run once, and its work is there {rows(kit)} times.")
