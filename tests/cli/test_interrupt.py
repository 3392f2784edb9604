"""Ctrl-C at the moments that are hard to meet: while libraries load, and at the beginning and the end."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send")

HEEDS = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background does not

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

class Loading:  # a library that turns a KeyboardInterrupt into something else, as several do
    def find_spec(self, name, path=None, target=None):
        if name == LIBRARY:
            sys.meta_path.remove(self)
            try:
                interrupt()
                time.sleep(0.1)
            except BaseException:
                raise ImportError("cannot load module more than once per process") from None

def loading(library):
    global LIBRARY
    LIBRARY = library
    sys.meta_path.insert(0, Loading())

def called_by_llvm():
    try:
        interrupt()
        time.sleep(0.1)
    except BaseException:
        print("lost")

called_by_llvm = type(called_by_llvm)(called_by_llvm.__code__, globals() | {"__name__": "llvmlite.binding.ffi"})

class Gone:
    def __del__(self):
        interrupt()
        time.sleep(0.1)
"""
SIMULATE = "import golfast_cli; sys.argv = ['golfast', 'simulate', 'glider', '--json']; "
WITHIN = """
from golfast_cli import interrupt as handlers
handlers.heed()
try:
    with handlers.raised():
        {}
        time.sleep(60)
        print("lost")
except KeyboardInterrupt:
    print("raised")
"""


def run(code, before=HEEDS):
    done = subprocess.run([sys.executable, "-c", before + code], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("library", ["numpy", "numba", "golfast.life", "golfast_cli.simulate"])
def test_while_a_library_is_loaded(library):
    code, out, told = run(f"{SIMULATE} loading({library!r}); golfast_cli.main()")
    assert (code, out) == (130, "")
    assert told == "golfast: interrupted; what was finished is kept, and --resume goes on where there is one\n"


def test_before_there_is_a_command():
    assert run("loading('click'); import golfast_cli") == (130, "", "golfast: interrupted\n")


def test_between_loading_and_beginning():
    assert run("sys.argv = ['/bin/golfast']; import golfast_cli; interrupt()") == (130, "", "golfast: interrupted\n")


def test_after_all_is_done():
    code, out, told = run(f"{SIMULATE} import atexit; atexit.register(interrupt); golfast_cli.main()")
    assert (code, told) == (130, "golfast: interrupted\n")
    assert out.startswith("{")


@pytest.mark.parametrize("moment", ["called_by_llvm()", "Gone()", "interrupt()"])
def test_it_is_raised_when_it_can_be(moment):
    assert run(WITHIN.format(moment)) == (0, "raised\n", "")


def test_what_waits_to_the_end_is_raised_there():
    assert run(WITHIN.format("called_by_llvm()").replace("time.sleep(60)\n", "1 / 0\n")) == (0, "raised\n", "")


def test_a_second_one_does_not_wait():
    code = HEEDS.replace("interrupt()\n        time", "interrupt(); interrupt()\n        time")
    assert run(WITHIN.format("called_by_llvm()"), code) == (130, "", "golfast: interrupted\n")


def test_who_only_imports_keeps_its_own_handlers():
    words = "before = signal.getsignal(signal.SIGINT), sys.unraisablehook; import golfast_cli; "
    words += "golfast_cli.main(['--version'], standalone_mode=False); "
    words += "assert before == (signal.getsignal(signal.SIGINT), sys.unraisablehook)"
    code, _, told = run(words)
    assert (code, told) == (0, "")


def test_on_a_thread_that_may_set_no_handler():
    code, _, told = run("import threading; threading.Thread(target=lambda: __import__('golfast_cli')).start()")
    assert (code, told) == (0, "")
