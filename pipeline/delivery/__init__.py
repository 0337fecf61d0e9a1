"""From the filters to an output: batching, requests in flight, retries, buffers, spill, dead
letters.
"""
