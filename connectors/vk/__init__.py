"""VK: a community's messages by Callback API or long poll in, its API out."""
