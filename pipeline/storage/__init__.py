"""What must outlive the process: the disk queue and the dead letters."""
