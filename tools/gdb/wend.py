"""gdb helper: `source tools/gdb/wend.py`, then

    wend fibers      every fiber of the process: its task, what it waits in
    wend bt LOW      the backtrace of the suspended fiber whose stack starts at LOW

A suspended fiber's registers lie on its own stack, where wend_switch() pushed them.
"""
import gdb

POINTER = 8
SAVED = ["r15", "r14", "r13", "r12", "rbx", "rbp"]


def slabs():
    """Yields the wend_fiber structs of every loop that a thread of this process runs."""
    fiber_type = gdb.lookup_type("struct wend_fiber")
    stack_bytes = 64 * 1024
    size = (fiber_type.sizeof + 63) & ~63
    loop = gdb.parse_and_eval("current_loop")
    if int(loop) == 0:
        raise gdb.GdbError("this thread has no loop; choose another with `thread N`")
    slab = loop["fibers"]["stacks"]["slabs"]
    while int(slab) != 0:
        for i in range(int(slab["cut"])):
            top = int(slab["at"]) + (i + 1) * stack_bytes
            yield gdb.Value(top - size).cast(fiber_type.pointer())
        slab = slab["next"]


def saved_pc(fiber):
    sp = int(fiber["context"]["sp"])
    word = gdb.lookup_type("unsigned long").pointer()
    return int(gdb.Value(sp + len(SAVED) * POINTER).cast(word).dereference())


class Wend(gdb.Command):
    """wend fibers | wend bt LOW"""

    def __init__(self):
        super().__init__("wend", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split()
        if words[:1] == ["fibers"]:
            self.fibers()
        elif words[:1] == ["bt"] and len(words) == 2:
            self.backtrace(int(words[1], 0))
        else:
            raise gdb.GdbError(self.__doc__)

    def fibers(self):
        for fiber in slabs():
            task = fiber["task"]
            if not task["suspended"]:
                continue
            print("%#x  task %#x  %s  entry %s" % (int(fiber["low"]), int(task.address),
                  gdb.execute("info symbol %#x" % saved_pc(fiber), to_string=True).strip(), task["entry"]))

    def backtrace(self, low):
        for fiber in slabs():
            if int(fiber["low"]) == low:
                sp = int(fiber["context"]["sp"])
                word = gdb.lookup_type("unsigned long").pointer()
                kept = {r: gdb.parse_and_eval("$" + r) for r in SAVED + ["rip", "rsp"]}
                for i, register in enumerate(SAVED):
                    value = int(gdb.Value(sp + i * POINTER).cast(word).dereference())
                    gdb.execute("set $%s = %#x" % (register, value))
                gdb.execute("set $rip = %#x" % saved_pc(fiber))
                gdb.execute("set $rsp = %#x" % (sp + (len(SAVED) + 1) * POINTER))
                try:
                    gdb.execute("backtrace")
                finally:
                    for register, value in kept.items():
                        gdb.execute("set $%s = %#x" % (register, int(value)))
                return
        raise gdb.GdbError("no fiber's stack starts at %#x; see `wend fibers`" % low)


Wend()
