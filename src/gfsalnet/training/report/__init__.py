"""What a run shows of itself: curves, sample sheets, the ablation study."""
