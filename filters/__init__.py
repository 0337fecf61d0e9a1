"""The filters: one file each, found by its name. They transform events and do no I/O but of their
own tables.
"""
