"""Speed and memory of Wisp beside other codecs: `wisp bench speed`."""
