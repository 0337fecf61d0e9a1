"""The loop: inputs, the queue, workers, reload, several pipelines in one process."""
