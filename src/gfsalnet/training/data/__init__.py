"""What the network learns from: sources of examples and the batches made of them."""
