"""What this machine does, beside what people use today: pytest-benchmark suites, and the peers they are set beside.

Run them with `golfast bench`, or with `pytest bench/`.
"""
