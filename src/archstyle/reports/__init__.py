"""What the figures and the self-contained pages of the reports share."""
