"""FashionGAN-specific code."""
