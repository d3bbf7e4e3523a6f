"""Whether files decode to the same latents under every configuration of a machine: `wisp bench exactness`."""
