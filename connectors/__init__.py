"""One package per channel, and `base`: the contract they all meet. Channels are found by their folders."""
