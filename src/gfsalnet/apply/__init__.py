"""What predictions are put to use for: videos reframed, thumbnails chosen, encodes and marks for editors."""
