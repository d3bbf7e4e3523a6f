"""Training data: pictures found in folders and tars, batches of crops, and packs that hold crops or clips."""
