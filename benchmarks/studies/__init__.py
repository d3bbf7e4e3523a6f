"""Small studies of autoencoders: reconstruction, denoising, colouring. Networks are trained by codec/training."""
