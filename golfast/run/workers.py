"""What keeps a program from running itself again in the worker processes that it starts.

Python starts a process by running the program's main file anew, under another name. One that does not keep its work
below `if __name__ == "__main__":` would do it all again there.
"""

import multiprocessing

NAME = "golfast-worker"  # what the names of our worker processes begin with
AGAIN = 79  # exit code of a worker in which the program began a job of its own

GUARD = 'put what begins a sweep below `if __name__ == "__main__":`'


def leave_if_begun_again() -> None:
    """End this process, without a word, if it is a worker that is being started and so may begin no job."""
    process = multiprocessing.current_process()
    if process.name.startswith(NAME) and getattr(process, "_inheriting", False):
        raise SystemExit(AGAIN)
