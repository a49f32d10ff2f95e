"""From folders of photos to a manifest that can be trusted."""
