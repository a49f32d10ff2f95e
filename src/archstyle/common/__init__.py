"""What every room uses: whole files, worker threads, the terminal."""
