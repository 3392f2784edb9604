class Pattern:
    pass


def format_plaintext():
    pass


def format_rle():
    pass


def parse_pattern():
    pass


def read_pattern():
    pass
