#!/usr/bin/env python3
"""Lines in and out, as anyone would write it in Python."""

import sys


def main():
    write = sys.stdout.write
    for line in sys.stdin:
        write(line)


if __name__ == "__main__":
    main()
