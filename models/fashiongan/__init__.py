"""FashionGAN's networks."""
