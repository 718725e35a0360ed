"""What predictions are put to use for: videos reframed, thumbnails chosen."""
