"""One package per channel, and `base`: the contract they all meet. A channel is found by its folder, never by a list."""
