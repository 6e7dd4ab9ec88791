"""What a trained generator's latents mean: the latent of a photo, and directions that change one thing."""
