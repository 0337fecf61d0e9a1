"""A log of checksummed records on disk, which the disk queue and the dead letters are made of, and
events as bytes.

Why not an embedded store? SQLite (WAL, synchronous=FULL) and LMDB were measured beside it with 256
KiB payloads and a sync every 8 MiB: writing 101 and 128 MB/s against 173 MB/s here, reading with
removal 98 (SQLite), the others above 1 GB/s. What decided it was damage. With one flipped bit at
200 random places of a store, SQLite handed out altered records as if they were good in 149 cases
and LMDB in 130; 7 and 4 times they refused to open. Neither checks what it reads, and their pages
hang together, so that sums of our own could tell the loss but not limit it. Here a flipped bit
costs the record that it is in, and the log opens.
"""
